"""Scans and maps on the emulated CUDA engine: long scans as loops, tasks in any chunk
and any order of threads, and what happens where a barrier is missing."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from cuda_emulated import folder, register

import neurenix as nx
from neurenix import Tensor
from neurenix.backends import discovery
from neurenix.passes.tasks import way_of

DEVICE = register()
Options = Callable[[int, int], None]


@pytest.fixture
def options() -> Iterator[Options]:
    """Sets the order in which threads of a block run, and which barrier is missing."""
    emulator = ctypes.CDLL(str(folder() / "libphynexus_fake_cuda.so"))
    emulator.phynexus_emulator_options.argtypes = [ctypes.c_int32, ctypes.c_int64]
    yield emulator.phynexus_emulator_options
    emulator.phynexus_emulator_options(0, -1)


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32) / 2


def on(device: str, *arrays: np.ndarray) -> list[Tensor]:
    return [nx.tensor(a, device=device) for a in arrays]


def running(w: Tensor, first: Tensor, xs: Tensor) -> tuple[Tensor, Tensor]:
    def body(carry: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        carry = nx.tanh(carry @ w + x)
        return carry, carry.sum()

    return nx.scan(body, first, xs)


@pytest.mark.parametrize("length", [3, 6000])
def test_a_scan_of_any_length(length: int) -> None:
    """The longer one is a loop on the device, the shorter one is unrolled."""
    arrays = numbers(4, 4), numbers(4, seed=1), numbers(length, 4, seed=2)
    last, sums = nx.compile(running)(*on(DEVICE, *arrays))
    right, right_sums = nx.compile(running)(*on("cpu", *arrays))
    np.testing.assert_allclose(last.numpy(), right.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sums.numpy(), right_sums.numpy(), rtol=1e-4, atol=1e-4)


def test_a_long_scan_in_a_long_scan() -> None:
    """Both are loops on the device."""

    def rows(w: Tensor, first: Tensor, xs: Tensor) -> tuple[Tensor, Tensor]:
        def row(carry: Tensor, xs: Tensor) -> tuple[Tensor, Tensor]:
            last, sums = running(w, carry, xs)
            return last, sums.mean()

        return nx.scan(row, first, xs)

    arrays = numbers(4, 4), numbers(4, seed=1), numbers(3, 2100, 4, seed=2)
    found, right = (
        [x.numpy() for x in nx.compile(rows)(*on(device, *arrays))]
        for device in (DEVICE, "cpu")
    )
    for one, other in zip(found, right, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_the_gradient_of_a_long_scan() -> None:
    def loss(w: Tensor, first: Tensor, xs: Tensor) -> Tensor:
        return (running(w, first, xs)[1] ** 2).mean()

    arrays = numbers(4, 4), numbers(4, seed=1), numbers(2500, 4, seed=2)
    found, right = (
        nx.compile(nx.grad(loss))(*on(device, *arrays)).numpy()
        for device in (DEVICE, "cpu")
    )
    np.testing.assert_allclose(found, right, rtol=1e-3, atol=1e-6)


def adapted(w: Tensor, xs: Tensor, ys: Tensor, chunk: int = 0) -> Tensor:
    """The gradient of the mean loss after two steps of gradient descent a task."""

    def inner(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return ((nx.tanh(x @ w) - y) ** 2).mean()

    def task(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
        for _ in range(2):
            w = w - 0.1 * nx.grad(inner)(w, x, y)
        return inner(w, x, y)

    def mean_loss(w: Tensor) -> Tensor:
        each = nx.map(lambda x, y: task(w, x, y), reduce="mean", chunk=chunk)
        return each(xs, ys)

    return nx.grad(mean_loss)(w)


TASKS = numbers(6, 6), numbers(7, 5, 6, seed=1), numbers(7, 5, 6, seed=2)


def bits(function: Callable[..., Tensor]) -> bytes:
    return nx.compile(function)(*on(DEVICE, *TASKS)).numpy().tobytes()


def test_a_map_of_small_bodies_is_kept() -> None:
    program = nx.capture(adapted, *on(DEVICE, *TASKS))
    costs = discovery.backend(DEVICE).capabilities(0).tasks
    maps = [i for i in program.instructions if i.primitive.name == "map"]
    assert costs and maps and all(way_of(i, costs).kept for i in maps)


def test_tasks_equal_the_cpus() -> None:
    found = nx.compile(adapted)(*on(DEVICE, *TASKS)).numpy()
    right = nx.compile(adapted)(*on("cpu", *TASKS)).numpy()
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("chunk", [1, 2, 4, 7])
def test_any_chunk_gives_the_same_bits(chunk: int) -> None:
    assert bits(lambda *xs: adapted(*xs, chunk=chunk)) == bits(adapted)


def test_any_order_of_threads_gives_the_same_bits(options: Options) -> None:
    right = bits(adapted)
    for schedule in (1, 2):
        options(schedule, -1)
        assert bits(adapted) == right
