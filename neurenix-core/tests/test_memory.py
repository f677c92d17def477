"""Tensors too large for 64 bits, or for the memory that is there: refused by name,
with nothing kept of the attempt, and everything works afterwards."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.backends import discovery, memory
from neurenix.errors import DtypeError, OutOfMemoryError, ShapeError

HUGE = (10**10, 10**5)  # 3.6 PiB of float32
MANY = (10**10, 10**10)  # more bytes than 64 bits count

TOO_MANY: dict[str, Callable[[], Any]] = {
    "ones": lambda: nx.ones(MANY),
    "eye": lambda: nx.eye(10**10),
    "rand": lambda: nx.rand(MANY),
    "broadcast_to": lambda: nx.broadcast_to(nx.ones(1, 1), MANY),
    "expand": lambda: nx.ones(1, 1).expand(MANY),
    "pad": lambda: nx.pad(nx.ones(2), [(2**62, 2**62)]),
    "concat": lambda: nx.concat([nx.ones(2**60, 0)] * 4),
    "tile": lambda: nx.tile(nx.ones(2), 2**62),
    "repeat": lambda: nx.repeat(nx.ones(2), 2**62),
    "matmul": lambda: nx.ones(2**40, 0) @ nx.ones(0, 2**40),
    "one_hot": lambda: nx.one_hot(nx.zeros(2, dtype=nx.int32), 2**62),
    "add": lambda: nx.ones(2**40, 1, 0) + nx.ones(1, 2**40, 0),
}

TOO_LARGE: dict[str, Callable[[], Any]] = {
    "ones": lambda: nx.ones(HUGE),
    "linspace": lambda: nx.linspace(0, 1, 10**15),
    "arange": lambda: nx.arange(10**15),
    "rand": lambda: nx.rand(HUGE),
    "randn": lambda: nx.randn(HUGE),
    "broadcast_to": lambda: nx.broadcast_to(nx.ones(1, 1), HUGE),
    "pad": lambda: nx.pad(nx.ones(2), [(10**15, 0)]),
    "tile": lambda: nx.tile(nx.ones(2), 10**15),
    "repeat": lambda: nx.repeat(nx.ones(2), 10**15),
    "matmul": lambda: nx.ones(10**7, 0) @ nx.ones(0, 10**8),
    "one_hot": lambda: nx.one_hot(nx.zeros(2, dtype=nx.int32), 10**15),
}


def stats(device: str) -> dict[str, int]:
    gc.collect()
    found = discovery.backend(device).memory_stats(0)
    return {name: n for name, n in found.items() if name not in ("peak", "cached")}


def nothing_is_kept(device: str, before: dict[str, int]) -> None:
    """Less than before is well: a program may have left the cache meanwhile."""
    for name, amount in stats(device).items():
        assert amount <= before[name], name


@pytest.mark.parametrize("name", TOO_MANY)
def test_more_than_64_bits_count(name: str, device: str) -> None:
    with pytest.raises(ShapeError, match=r"limit is 2\*\*63 - 1") as caught:
        TOO_MANY[name]()
    assert name in str(caught.value) or name == "expand"


@pytest.mark.parametrize("name", TOO_LARGE)
def test_more_than_there_is(name: str, device: str) -> None:
    nx.manual_seed(0)
    nx.rand(2)  # what stays: the generator's step
    before = stats(device)
    with pytest.raises(
        OutOfMemoryError, match=r"needs \d{16} bytes, and \d+ are available"
    ) as caught:
        TOO_LARGE[name]()
    assert name in str(caught.value)
    assert isinstance(caught.value, MemoryError)
    del caught
    assert stats(device).keys() == before.keys()
    assert stats(device).get("arenas", 0) <= before.get("arenas", 0)
    assert (nx.ones(3) + 1).tolist() == [2.0, 2.0, 2.0]


def test_nothing_is_kept_of_what_did_not_fit(device: str) -> None:
    x = nx.ones(1, 1)
    before = stats(device)
    for _ in range(3):
        with pytest.raises(OutOfMemoryError):
            nx.broadcast_to(x, HUGE)
        with pytest.raises(OutOfMemoryError):
            nx.ones(HUGE)
    nothing_is_kept(device, before)


def test_compiled_programs_are_estimated_before_they_run(device: str) -> None:
    def result(x: nx.Tensor) -> nx.Tensor:
        return nx.broadcast_to(x, HUGE) + 1

    def within(x: nx.Tensor) -> nx.Tensor:
        return nx.sort(nx.broadcast_to(x, HUGE), 0)[0].sum()

    cell = nx.Cell(nx.ones(2))

    def after_a_write(x: nx.Tensor) -> nx.Tensor:
        cell.assign(cell + 1)
        return result(x)

    x = nx.ones(1, 1)
    before = stats(device)
    for f in (nx.compile(result), nx.compile(after_a_write, state=[cell])):
        with pytest.raises(OutOfMemoryError, match=r"needs 40{9}\d{6} bytes"):
            f(x)
    with pytest.raises(OutOfMemoryError, match=r"needs \d{16} bytes"):
        nx.compile(nx.map(within))(nx.ones(1, 1, 1))
    assert cell.tolist() == [1.0, 1.0]
    nothing_is_kept(device, before)
    assert nx.compile(lambda x: x + 1)(x).tolist() == [[2.0]]


def test_an_allocation_that_the_engine_refuses(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system does not say what is available."""
    for module in ("phynexus.library", "backends.reference", "backends.memory"):
        monkeypatch.setattr(f"neurenix.{module}.host_available", lambda: None)
    x = nx.ones(1, 1)
    before = stats(device)
    with pytest.raises(OutOfMemoryError, match=r"needs 40{15} bytes$| \(in "):
        nx.broadcast_to(x, HUGE)
    nothing_is_kept(device, before)
    assert (x + 1).tolist() == [[2.0]]


def test_what_the_host_has() -> None:
    found = memory.host_available()
    assert found is None or 0 < found < 2**50


def test_a_dtype_that_the_device_lacks(device: str) -> None:
    has = discovery.backend(device).capabilities(0).dtypes
    lacking = [d for d in nx.dtypes.ALL if d not in has]
    assert lacking, "every device here lacks some"
    for dtype in lacking:
        having = discovery.with_dtype(dtype)
        told = f"{', '.join(having) or 'no installed device'} has it"
        for ask in (
            lambda d=dtype: nx.ones(2, dtype=d),
            lambda d=dtype: nx.ones(2).to(d),
            lambda d=dtype: nx.tensor([1.0], dtype=d),
            lambda d=dtype: nx.compile(lambda x: x.to(d) + 1)(nx.ones(2)),
        ):
            if dtype is nx.bfloat16 and not _has_ml_dtypes():
                with pytest.raises(nx.errors.NeurenixError, match="bfloat16"):
                    ask()
                continue
            with pytest.raises(DtypeError) as caught:
                ask()
            assert f"{device}:0 has no {dtype.name}" in str(caught.value)
            assert told in str(caught.value)


def _has_ml_dtypes() -> bool:
    try:
        import ml_dtypes  # noqa: F401
    except ImportError:
        return False
    return True


def test_download_where_the_host_sees_no_device_memory() -> None:
    """A native backend copies where it cannot share."""
    if not nx.get_device_count("cpu"):
        pytest.skip("the only native engine here is that of the device cpu")
    from neurenix.phynexus.backend import NativeBackend

    library = discovery.backend("cpu").library  # type: ignore[attr-defined]
    backend = NativeBackend(library)
    kind = nx.ones(2, 3).type
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    buffer = backend.upload(array, kind, 0)
    assert np.shares_memory(
        backend.download(buffer, kind), backend.download(buffer, kind)
    )
    backend.engine(0).host_visible = False
    first, second = backend.download(buffer, kind), backend.download(buffer, kind)
    assert not np.shares_memory(first, second) and not first.flags.writeable
    assert (first == array).all() and first.shape == (2, 3)
