"""The emulator finds missing barriers: a task's threads run in three orders, and each
barrier that is taken away shows as other bits or as threads that wait in vain."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
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
    nx.init({"device": "cpu"})


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
    """But the first, behind which a block's pointers are there: see below."""
    right = outcome(options, 0, NONE)
    assert right is not None
    shows = [
        any(outcome(options, schedule, missing) != right for schedule in SCHEDULES)
        for missing in range(1, 16)
    ]
    needed = shows.index(False)
    assert needed >= 7, shows  # one behind each step, but for the last
    assert not any(shows[needed + 1 :]), f"one in between is not needed: {shows}"


def test_without_the_first_barrier_nothing_runs() -> None:
    """The pointers are those of memory that nobody has written."""
    program = (
        "import test_missing_barriers as t, ctypes\n"
        "t.nx.init({'device': t.DEVICE})\n"
        "path = str(t.folder() / 'libphynexus_fake_cuda.so')\n"
        "t.discovery.backend(t.DEVICE)\n"
        "choose = ctypes.CDLL(path).phynexus_emulator_options\n"
        "choose(ctypes.c_int32(1), ctypes.c_int64(0))\n"
        "t.run()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == -signal.SIGSEGV
