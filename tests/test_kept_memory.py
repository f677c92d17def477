"""What is kept when nothing runs: bounded in bytes, whatever shapes there were."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import neurenix as nx
from neurenix import nn
from neurenix.backends import discovery

pytestmark = pytest.mark.skipif(
    not nx.get_device_count("cpu"), reason="the CPU engine is not installed"
)
BOUND = 256 << 20  # as docs/memory.md says, of either kind


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = discovery.backend("cpu").capabilities(0).threads
    nx.init({"device": "cpu", "threads": 2})
    yield
    nx.init({"device": "cpu", "threads": before})


def kept() -> dict[str, int]:
    gc.collect()
    return discovery.backend("cpu").memory_stats(0)


def test_programs_that_wait_share_scratch() -> None:
    """Ever new shapes take what the largest takes, eagerly and compiled."""
    f = nx.compile(lambda x: nx.sort(x * 2)[0].sum() + nx.sort(x - 1)[0].sum())
    f(nx.ones(40 << 10))
    nx.init({"threads": 2})  # lets go of what is idle
    f(nx.ones(40 << 10))
    largest = kept()["arenas"]
    for size in range(1, 40):
        f(nx.ones(size << 10))
        nx.sort(nx.ones(size << 10) * 2)
    assert len(f.entries) == 40
    assert 0 < kept()["arenas"] <= largest


def test_freed_buffers_are_bounded() -> None:
    before = kept()["allocated"]
    for size in range(1, 40):
        x = nx.ones(size << 18) + 1  # `size` MB, of ever new kinds
    del x
    found = kept()
    assert found["allocated"] <= before + (1 << 20)
    assert 0 < found["cached"] <= BOUND + (16 << 20)  # and what kernels pack into


def test_nothing_is_held_after_del() -> None:
    """Of a compiled function with a model as its state."""
    before = kept()["allocated"]
    made: list[Any] = [nn.Linear(512, 512)]
    made.append(nx.compile(made[0].forward, state=[made[0]]))
    made[1](nx.ones(4, 512))
    assert kept()["allocated"] > before + (1 << 19)
    made.clear()
    assert kept()["allocated"] < before + (1 << 19)


_PROGRAM = """
import ctypes, gc, sys
import neurenix as nx
from neurenix import nn
nx.init({"device": "cpu", "threads": 2})
net = nn.Sequential(
    nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.Flatten(),
)
def used():
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
    return int(open("/proc/self/statm").read().split()[1]) * 4096 >> 20
net(nx.ones(1, 1, 28, 28))
before = used()
for n in range(1, 41):
    net(nx.ones(n, 1, 28, 28))
print(used() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ever_new_batch_sizes_stay_below_the_bound() -> None:
    run = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    assert int(run.stdout) < 2 * (BOUND >> 20) + 64
