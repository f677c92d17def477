"""Pooling with what is computed before and behind it, as few fused instructions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.passes.pipeline import Target, fusion, prepare
from neurenix.program import Program

GEOMETRIES = [
    (3, (12, 12), 2),
    (16, (12, 8), 2),
    (20, (13, 14), 3),
    (72, (8, 12), (2, 3)),
]


def block(x: nx.Tensor, w: nx.Tensor, s: nx.Tensor, size: Any) -> nx.Tensor:
    """Of a convolutional network."""
    y = nx.nn.functional.conv2d(x, w, padding=1)
    y = nx.nn.functional.batch_norm(y, None, None, s, s, training=True)
    return nx.nn.functional.max_pool2d(nx.relu(y), size)


def of_blocks(channels: int, image: tuple[int, int], size: Any) -> tuple[Any, Any]:
    """The function that gives value and gradient of two blocks, and arguments: whole
    numbers, for the sake of ties."""

    def loss(w: nx.Tensor, v: nx.Tensor, s: nx.Tensor, x: nx.Tensor) -> nx.Tensor:
        return nx.sin(block(block(x, w, s, size), v, s, 2)).sum()

    numbers = np.random.default_rng(channels)
    shapes = [(channels, 2, 3, 3), (channels, channels, 3, 3), (channels,)]
    sizes = (*shapes, (6, 2, *image))
    inputs = [numbers.integers(-2, 3, size).astype(float) for size in sizes]
    return nx.value_and_grad(loss, (0, 1, 2)), inputs


def flat(results: Any) -> list[np.ndarray[Any, Any]]:
    return [x.numpy() for x in nx.tree.flatten(results)[0]]


def fused(program: Program) -> list[Any]:
    return [i for i in prepare(program).instructions if i.primitive.name == "fused"]


@pytest.mark.parametrize(("channels", "image", "size"), GEOMETRIES, ids=str)
@pytest.mark.parametrize("dtype", [nx.float32, nx.float64], ids=str)
def test_values_and_gradients(
    channels: int, image: tuple[int, int], size: Any, dtype: Any
) -> None:
    f, arrays = of_blocks(channels, image, size)
    inputs = [nx.tensor(x, dtype=dtype) for x in arrays]
    found = flat(nx.compile(f)(*inputs))
    with fusion(False):
        expected = flat(nx.compile(lambda *xs: f(*xs))(*inputs))
    bound = 1e-8 if dtype is nx.float64 else 2e-4
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=bound, atol=bound * np.abs(b).max())


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, -0.0])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_special_values_and_ties(special: float, dtype: str) -> None:
    numbers = np.random.default_rng(1)
    x = numbers.integers(-2, 3, (4, 24, 6, 6)).astype(dtype)
    if dtype != "int32":
        x[numbers.random(x.shape) < 0.3] = special

    def f(x: nx.Tensor) -> tuple[Any, ...]:
        windows = (x + x).reshape(4, 24, 3, 2, 3, 2)
        several = (windows * 2, windows.min((3, 5)))
        if x.dtype.is_floating:
            pool = nx.nn.functional.max_pool2d
            several += (nx.grad(lambda v: pool(v * 0.5, 2).sum())(x),)
        return windows.max((3, 5)), windows.argmax((3, 5)), *several

    expected = nx.capture(f, nx.tensor(x)).evaluate([x])
    # channels fastest in memory, as after a convolution, and as NumPy has it
    moved = nx.tensor(np.ascontiguousarray(x.transpose(0, 2, 3, 1)))
    by_channels = nx.compile(lambda v: f(v.permute(0, 3, 1, 2)))(moved)
    for found in (by_channels, nx.compile(f)(nx.tensor(x))):
        for mine, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(mine.numpy(), other)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((5, 2100), (1,)),  # many blocks of one row
        ((3, 70, 90, 4), (1, 2)),
        ((2100, 5), (0,)),
        ((30, 3, 40, 20), (0, 2)),
        ((4, 7, 3000), (1,)),  # a row longer than a block
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_argmax_over_more_than_windows(
    shape: tuple[int, ...], axes: tuple[int, ...], dtype: str
) -> None:
    """The first of many equals, whatever the order of axes in memory."""
    x = np.random.default_rng(2).integers(0, 5, shape).astype(dtype)

    def f(x: nx.Tensor) -> tuple[Any, ...]:
        y = x * x + x
        return y.max(axes), y.argmax(axes), y.sum(axes)

    assert "argmax" in fused(nx.capture(f, nx.tensor(x)))[0].params["reductions"]
    expected = nx.capture(f, nx.tensor(x)).evaluate([x])
    order = tuple(range(x.ndim))
    for turn in (order, order[::-1], (*order[1:], 0)):
        back = tuple(turn.index(a) for a in order)
        moved = nx.tensor(np.ascontiguousarray(x.transpose(turn)))
        found = nx.compile(lambda v, back=back: f(v.permute(*back)))(moved)
        for mine, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(mine.numpy(), other, rtol=1e-6)


def test_nothing_of_the_size_of_images_is_stored_around_pooling() -> None:
    """But the gradient of the convolution's output."""
    f, arrays = of_blocks(16, (64, 64), 2)
    program = nx.capture(f, *(nx.tensor(x) for x in arrays))
    shapes = [s.type for i in fused(program) for s in i.outputs]
    assert [t.size for t in shapes].count(6 * 16 * 64 * 64) == 1
    reductions = [i.params["reductions"] for i in fused(program)]
    assert reductions.count(("max", "argmax")) == 2


def test_windows_are_reduced_in_their_shape_by_devices_without_argmax() -> None:
    """In a group of its own, which reads what the chain before it stores."""
    f, arrays = of_blocks(16, (32, 32), 2)
    program = nx.capture(f, *(nx.tensor(x) for x in arrays))
    prepared = prepare(program, Target(features=frozenset()))
    argmaxes = [i for i in prepared.instructions if i.primitive.name == "argmax"]
    assert len(argmaxes) == 2
    expected = prepare(program).evaluate([x.astype(np.float32) for x in arrays])
    for a, b in zip(
        prepared.evaluate([x.astype(np.float32) for x in arrays]), expected, strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("transform", [nx.vmap, nx.map])
def test_over_tasks(transform: Any) -> None:
    f, arrays = of_blocks(12, (12, 12), 2)
    # No ties, which would be decided by how the two ways round.
    numbers = np.random.default_rng(0)
    stacked = [numbers.normal(size=(3, *x.shape)) for x in arrays]
    inputs = [nx.tensor(x, dtype=nx.float64) for x in stacked]
    found = flat(nx.compile(lambda *xs: transform(f)(*xs))(*inputs))
    for k in range(3):
        one = flat(f(*(nx.tensor(x[k], dtype=nx.float64) for x in stacked)))
        for a, b in zip(found, one, strict=True):
            np.testing.assert_allclose(a[k], b, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("count", [8, 12, 20])
@pytest.mark.parametrize("columns", [9, 32, 70, 200])
def test_many_operands_whose_rows_lie_apart(count: int, columns: int) -> None:
    """More of them than a processor has registers for their addresses."""
    numbers = np.random.default_rng(count)
    shape = (5, 3, 4, columns)
    kinds = [shape, (5, 1, 4, columns), (1, 3, 1, columns), (5, 3, 1, 1), (columns,)]
    arrays = [numbers.normal(size=kinds[k % 5]) for k in range(count)]

    def f(*xs: nx.Tensor) -> tuple[nx.Tensor, ...]:
        total = xs[0]
        for k, x in enumerate(xs[1:]):
            total = nx.where(total > x, total * x, x - total) if k % 2 else total + x
        return total, total.sum((0, 1, 2)), total.max(1)

    inputs = [nx.tensor(x) for x in arrays]
    expected = nx.capture(f, *inputs).evaluate([x.numpy() for x in inputs])
    for a, b in zip(flat(nx.compile(f)(*inputs)), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5 * np.abs(b).max())


def test_threads_change_no_bit() -> None:
    if nx.get_device_count("cpu") == 0:
        pytest.skip("the engine for CPUs is not installed")
    f, arrays = of_blocks(24, (28, 28), 2)
    found = []
    for threads in (1, 2, 3):
        nx.init({"device": "cpu", "threads": threads})
        inputs = [nx.tensor(x) for x in arrays]
        found.append(flat(nx.compile(lambda *xs: f(*xs))(*inputs)))
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)
