"""Tensors without elements, where an axis beside the one at hand has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.nn import functional

SHAPES = [((0, 3), 1), ((3, 0), 0), ((2, 0, 3), 2), ((2, 0, 3), 0)]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("shape", "axis"), SHAPES, ids=str)
@pytest.mark.parametrize("name", ["argmax", "argmin", "max", "min", "sum", "prod"])
def test_reductions_beside_an_empty_axis(
    name: str, shape: tuple[int, ...], axis: int, compiled: bool, device: str
) -> None:
    def f(x: nx.Tensor) -> nx.Tensor:
        return getattr(nx, name)(x, axis)

    def gradient(x: nx.Tensor) -> nx.Tensor:
        return nx.grad(lambda v: (f(v) ** 2).sum())(x)

    def second(x: nx.Tensor) -> nx.Tensor:
        return nx.grad(lambda v: (gradient(v) * v).sum())(x)

    array = np.zeros(shape, np.float32)
    functions: list[Any] = [f] if "arg" in name else [f, gradient, second]
    for function in functions:
        found = (nx.compile(function) if compiled else function)(nx.tensor(array))
        expected = getattr(np, name)(array, axis).shape if function is f else shape
        assert found.shape == expected


@pytest.mark.parametrize(
    "f",
    [
        lambda x, w: functional.conv2d(x, w),
        lambda x, w: functional.max_pool2d(x, 2),
        lambda x, w: functional.max_pool2d(functional.conv2d(x, w), 2, 1),
        lambda x, w: nx.vmap(lambda v: functional.conv2d(v, w))(x[None] * 1.0),
        lambda x, w: nx.vmap(lambda v: functional.conv2d(v[None], w))(x),
    ],
    ids=["convolved", "pooled", "both", "mapped-weights", "mapped-images"],
)
def test_images_of_which_there_are_none(f: Any, device: str) -> None:
    x, w = nx.zeros(0, 2, 5, 5), nx.ones(3, 2, 3, 3)
    assert f(x, w).size == 0
    for transform in (lambda g: g, nx.compile):
        by_x, by_w = transform(nx.grad(lambda x, w: f(x, w).sum(), (0, 1)))(x, w)
        assert by_x.shape == x.shape and not by_w.any()
