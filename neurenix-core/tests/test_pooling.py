"""Max pooling against a loop over windows, and what its derivative does with ties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.errors import InvalidArgumentError, ShapeError
from neurenix.nn.functional import max_pool2d

pytestmark = pytest.mark.usefixtures("device")
Array = np.ndarray[Any, Any]

GEOMETRIES = [
    (2, None, 0),
    (2, 2, 1),
    (3, 2, 1),
    (3, 1, 0),
    ((2, 3), None, 0),
    ((3, 2), (1, 3), (1, 0)),
    (1, 2, 0),
]


def winners(x: Array, kernel: Any, stride: Any, padding: Any) -> Array:
    """For each window, the flat index in x [H, W] of its first largest element."""
    kernel, padding = np.broadcast_to(kernel, 2), np.broadcast_to(padding, 2)
    step = kernel if stride is None else np.broadcast_to(stride, 2)
    rows, columns = (
        (n + 2 * p - k) // s + 1
        for n, p, k, s in zip(x.shape, padding, kernel, step, strict=True)
    )
    out = np.zeros((rows, columns), int)
    for i, j in np.ndindex(rows, columns):
        best, at = -np.inf, -1
        for a, b in np.ndindex(*kernel):
            r, c = i * step[0] + a - padding[0], j * step[1] + b - padding[1]
            if 0 <= r < x.shape[0] and 0 <= c < x.shape[1] and x[r, c] > best:
                best, at = x[r, c], r * x.shape[1] + c
        out[i, j] = at
    return out


def image(ties: bool) -> Array:
    generator = np.random.default_rng(0)
    return (
        generator.integers(0, 3, (7, 8)).astype(float)
        if ties
        else generator.standard_normal((7, 8))
    )


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("ties", [False, True], ids=["distinct", "ties"])
def test_values_and_derivatives_to_second_order(geometry: Any, ties: bool) -> None:
    x = image(ties)
    chosen = winners(x, *geometry)
    batch = nx.tensor(np.stack([x, -x, x]).reshape(1, 3, 7, 8), dtype=nx.float64)
    assert np.array_equal(
        max_pool2d(batch, *geometry).numpy()[0, 0], x.reshape(-1)[chosen]
    )
    assert np.array_equal(
        max_pool2d(batch, *geometry).numpy()[0, 1],
        -x.reshape(-1)[winners(-x, *geometry)],
    )

    weight = np.random.default_rng(1).standard_normal(chosen.shape)
    scale = nx.constant(nx.tensor(weight, dtype=nx.float64))
    one = nx.tensor(x, dtype=nx.float64)

    def loss(x: nx.Tensor) -> nx.Tensor:  # Σ w·max³
        return (max_pool2d(x, *geometry) ** 3 * scale).sum()

    first, diagonal = np.zeros(56), np.zeros(56)
    np.add.at(
        first, chosen.reshape(-1), (3 * weight * x.reshape(-1)[chosen] ** 2).reshape(-1)
    )
    np.add.at(
        diagonal, chosen.reshape(-1), (6 * weight * x.reshape(-1)[chosen]).reshape(-1)
    )
    assert np.allclose(nx.grad(loss)(one).numpy().reshape(-1), first, rtol=1e-12)
    direction = np.random.default_rng(2).standard_normal((7, 8))
    along = nx.constant(nx.tensor(direction, dtype=nx.float64))
    second = nx.grad(lambda x: (nx.grad(loss)(x) * along).sum())(one)
    assert np.allclose(
        second.numpy().reshape(-1), diagonal * direction.reshape(-1), rtol=1e-12
    )


@pytest.mark.parametrize("geometry", GEOMETRIES[:3], ids=str)
def test_under_vmap_map_and_compile(geometry: Any) -> None:
    x = nx.tensor(
        np.random.default_rng(0).integers(0, 3, (3, 2, 7, 8)), dtype=nx.float64
    )
    g = nx.grad(lambda x: (max_pool2d(x, *geometry) ** 2).sum())
    expected = g(x).numpy()
    for way in (nx.vmap(g), nx.map(g), nx.compile(g), nx.compile(nx.map(g))):
        assert np.array_equal(way(x).numpy(), expected)


def test_layer_and_errors() -> None:
    assert nn.MaxPool2d(3, 2, 1)(nx.ones(2, 4, 7, 7)).shape == (2, 4, 4, 4)
    for call, error, message in (
        (
            lambda: nn.MaxPool2d(2)(nx.ones(1, 1, 1, 4)),
            ShapeError,
            "window of 2x2 does not fit an image of 1x4",
        ),
        (lambda: max_pool2d(nx.ones(4), 2), ShapeError, r"expected \[..., H, W\]"),
        (
            lambda: max_pool2d(nx.ones(4, 4), 2, padding=2),
            InvalidArgumentError,
            "more than half",
        ),
        (lambda: nn.MaxPool2d(0), InvalidArgumentError, "kernel_size=0"),
        (lambda: nn.MaxPool2d(2, stride=0), InvalidArgumentError, "stride=0"),
    ):
        with pytest.raises(error, match=message):
            call()
