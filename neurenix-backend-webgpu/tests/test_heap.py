"""The heap: pieces, growth, pages, and what is said when there is no more."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import neurenix as nx
from neurenix.errors import OutOfMemoryError
from neurenix.phynexus.plan.views import Block
from neurenix_backend_webgpu.backend import WebGPUBackend
from neurenix_backend_webgpu.device import Device
from neurenix_backend_webgpu.lowering.free_list import FreeList
from neurenix_backend_webgpu.lowering.pages import place_on_pages


def test_free_pieces_become_one_again() -> None:
    free = FreeList(100)
    places = [free.take(20) for _ in range(5)]
    assert places == [0, 20, 40, 60, 80] and free.take(1) is None
    for place in (20, 60, 40):
        free.give(place, 20)
    assert free.take(60) == 20
    free.give(0, 20)
    free.give(80, 20)
    free.give(20, 60)
    assert (free.largest, free.free) == (100, 100)
    free.grow(130)
    assert free.largest == 130


def test_random_pieces_never_overlap() -> None:
    rng = np.random.default_rng(0)
    free, live = FreeList(1000), {}
    for _ in range(2000):
        if live and rng.random() < 0.5:
            start = list(live)[rng.integers(len(live))]
            free.give(start, live.pop(start))
        else:
            size = int(rng.integers(1, 90))
            start = free.take(size)
            if start is not None:
                assert all(start + size <= s or s + n <= start for s, n in live.items())
                live[start] = size
        assert free.free == 1000 - sum(live.values())


def blocks(*spans: tuple[int, int, int]) -> list[Block]:
    made = []
    for nbytes, first, last in spans:
        block = Block(nbytes)
        block.first, block.last = first, last
        made.append(block)
    return made


def test_no_block_crosses_a_page() -> None:
    page = 1 << 10
    made = blocks(*((192 + 64 * (k % 5), k, k + 6) for k in range(60)))
    sizes = place_on_pages(made, page // 4)
    assert len(sizes) > 1 and all(4 * words <= page for words in sizes)
    for a in made:
        assert a.offset // page == (a.offset + a.nbytes - 1) // page
        for b in made:
            if a is not b and a.first <= b.last and b.first <= a.last:
                assert (
                    a.offset + a.nbytes <= b.offset or b.offset + b.nbytes <= a.offset
                )


def test_what_fits_on_one_page_is_one_piece() -> None:
    assert place_on_pages(blocks((100, 0, 2), (300, 1, 3)), 1 << 20) == (112,)
    assert place_on_pages([], 1 << 20) == ()


def test_a_block_larger_than_a_page_is_named() -> None:
    with pytest.raises(OutOfMemoryError, match=r"takes 2 MB.* can bind 1 MB.*chunk="):
        place_on_pages(blocks((2_000_000, 0, 1)), 250_000)


def test_pages_are_added_and_values_stay(small_pages: Device) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=150_000).astype(np.float32) for _ in range(4)]
    tensors = [nx.tensor(a) for a in arrays]
    assert len(small_pages.heap.pages) > 1
    total = tensors[0] + tensors[1] + tensors[2] + tensors[3]
    expected = arrays[0] + arrays[1] + arrays[2] + arrays[3]
    np.testing.assert_allclose(total.numpy(), expected, rtol=1e-6)
    for tensor, array in zip(tensors, arrays):
        np.testing.assert_array_equal(tensor.numpy(), array)


def test_a_program_whose_scratch_needs_several_pages(small_pages: Device) -> None:
    """Four products of 640 kB are there at once."""

    def f(x: nx.Tensor, w: nx.Tensor) -> nx.Tensor:
        a, b, c, d = (x @ (w * k) for k in (1.0, 2.0, 3.0, 4.0))
        return (nx.sin(a) * b + nx.sin(c) * d).sum(-1)

    rng = np.random.default_rng(1)
    x = rng.normal(size=(400, 2)).astype(np.float32)
    w = rng.normal(size=(2, 400)).astype(np.float32)
    found = nx.compile(f)(nx.tensor(x), nx.tensor(w)).numpy()
    a, b, c, d = (x.astype(np.float64) @ w * k for k in (1, 2, 3, 4))
    expected = (np.sin(a) * b + np.sin(c) * d).sum(-1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-2)
    assert len(small_pages.heap.pages) > 2


def test_no_room_says_what_and_what_to_do(small_pages: Device) -> None:
    with pytest.raises(OutOfMemoryError, match=r"2 MB: a kernel of .* can bind 1 MB"):
        nx.tensor(np.zeros(500_000, np.float32))
    held = []
    with pytest.raises(OutOfMemoryError, match="8 pages of 1 MB"):
        for _ in range(40):
            held.append(nx.zeros(100_000))
    del held
    assert nx.ones(10).sum().item() == 10


def test_what_no_page_holds_is_not_even_made_on_the_host(
    small_pages: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(*given: object) -> None:
        raise AssertionError("it was made")

    monkeypatch.setattr(np, "full", made)
    with pytest.raises(
        OutOfMemoryError,
        match=r"shape \(600, 600\) on webgpu.* needs 1440000 bytes; .* at most 1048576",
    ):
        nx.ones(600, 600)


def test_a_page_grows_and_addresses_stay(webgpu: WebGPUBackend) -> None:
    webgpu.devices.clear()
    device = webgpu.device(0)
    first = nx.arange(1000)
    before = device.heap.total
    large = nx.ones(before // 4 + 1000)
    assert device.heap.total > before and len(device.heap.pages) == 1
    np.testing.assert_array_equal(first.numpy(), np.arange(1000))
    assert large.sum().item() == before // 4 + 1000


def test_nothing_leaks(device: Device) -> None:
    gc.collect()
    before = device.heap.in_use()
    x = nx.ones(1000)
    y = nx.compile(lambda x: nx.tanh(x) * 2.0)(x)
    assert device.heap.in_use() > before
    assert device.heap.peak >= device.heap.in_use()
    del x, y
    gc.collect()
    assert device.heap.in_use() <= before + 256  # constants of what stays compiled
