"""The emulator finds missing barriers: a task's threads run in three orders, and each
barrier that is taken away shows as other bits or as threads that wait in vain."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from cuda_emulated import folder, register

import neurenix as nx
from neurenix.backends import discovery
from neurenix.errors import BackendError

DEVICE = register()
SCHEDULES = (0, 1, 2)  # in order, backwards, mixed
NONE = -1
Options = Callable[[int, int], None]


@pytest.fixture
def options() -> Iterator[Options]:
    """Sets the order of threads, and which of a thread's barriers is missing."""
    nx.init({"device": DEVICE})
    discovery.backend(DEVICE).synchronize(0)
    library = ctypes.CDLL(str(folder() / "libphynexus_fake_cuda.so"))
    choose = library.phynexus_emulator_options
    choose.argtypes, choose.restype = [ctypes.c_int32, ctypes.c_int64], None
    yield choose
    choose(0, NONE)
    nx.init({"device": "reference"})


def task(x: nx.Tensor, w: nx.Tensor) -> nx.Tensor:
    """Each step reads what other threads have written in the step before."""
    for _ in range(4):
        x = nx.tanh(x @ w)
    return x.sum(dim=0)


def run() -> bytes:
    rng = np.random.default_rng(3)
    x = nx.tensor(rng.normal(0, 1, (2, 9, 8)).astype(np.float32))
    w = nx.tensor(rng.normal(0, 1, (8, 8)).astype(np.float32))
    mapped = nx.compile(lambda x, w: nx.map(lambda one: task(one, w))(x))
    return bytes(mapped(x, w).numpy().tobytes())


def outcome(options: Options, schedule: int, missing: int) -> bytes | None:
    """The bits of a run; None where threads wait for each other for ever."""
    options(schedule, missing)
    try:
        return run()
    except BackendError:
        return None
    finally:
        options(0, NONE)


def test_the_order_of_threads_changes_nothing(options: Options) -> None:
    assert len({outcome(options, schedule, NONE) for schedule in SCHEDULES}) == 1


def test_each_barrier_that_is_taken_away_shows(options: Options) -> None:
    right = outcome(options, 0, NONE)
    assert right is not None
    shows = [
        any(outcome(options, schedule, missing) != right for schedule in SCHEDULES)
        for missing in range(16)
    ]
    needed = shows.index(False)
    # one before the first step, and one behind each of the others, but for the last
    assert needed >= 8, shows
    assert not any(shows[needed + 2 :]), "a barrier in between is not needed"
