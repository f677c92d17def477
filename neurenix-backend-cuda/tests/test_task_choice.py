"""Which maps run as tasks, a block each, and where their frames lie, on cards of
different sizes: by counting, so that the same card always chooses the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from cuda_emulated import ROOT, require_built

require_built()
KB = 1024
# Multiprocessors, and shared memory of a block: data sheets, and CUDA's and HIP's
# programming guides.
CARDS = {
    "H100": (132, 227 * KB),
    "A100": (108, 163 * KB),
    "RTX 3090": (82, 99 * KB),
    "MI250": (104, 64 * KB),
}

LISTED = """
import json, sys
sys.path.insert(0, "benchmarks/gpu")
import neurenix as nx
from cases import LARGER, case
from launches import listed_on
from types import SimpleNamespace

multiprocessors, shared, *names = sys.argv[1:]
card = SimpleNamespace(multiprocessors=int(multiprocessors), shared=int(shared))
listing = listed_on(card)
for name in names:
    if name not in LARGER and "x" in name:
        base, tasks = name.split("x")
        LARGER[name] = {**case(base).w, "tasks": int(tasks)}
    nx.init({"device": listing.device})
    workload = case(name)
    plan = listing.of(workload.step, [nx.tensor(a) for a in workload.batch()])
    tasks = [x for x in plan.launches if x.iterations]
    print(json.dumps([name, [vars(x) | {"records": len(x.records)} for x in tasks]]))
"""

LOSSES = """
import sys
sys.path[:0] = ["benchmarks/gpu", "tests", "neurenix-backend-cuda/tests"]
import neurenix as nx
from cases import case
from cuda_emulated import register

device = register()
for name in sys.argv[1:]:
    nx.init({"device": device})
    print(name, *[float(loss).hex() for loss in case(name).losses(2)])
"""


def output_of(program: str, *arguments: object, fake: str) -> list[str]:
    """The lines that a process prints whose driver is told so."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PHYNEXUS_FAKE_CUDA": fake},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def tasks_of(card: str, *names: str) -> dict[str, list[dict[str, Any]]]:
    """The launches of tasks in a step of each workload."""
    lines = output_of(LISTED, *CARDS[card], *names, fake="")
    return dict(json.loads(line) for line in lines)


def test_small_networks_are_kept_and_convolutions_expanded() -> None:
    small = ["w1", "w2", "w3", "w4", "w1x256"]
    large = ["w5s1", "w6", "w6x60", "w5s1x32"]
    found = tasks_of("H100", *small, *large)
    for name in small:
        (task,) = found[name]
        assert task["kernel"] == "phynexus_task", name  # the one without spills
        assert task["frame_is_shared"], name
    assert [name for name in large if found[name]] == []
    # all of them at once, two on a multiprocessor
    (task,) = found["w1x256"]
    assert task["blocks"] == 256
    assert 2 * (task["shared_bytes"] + KB) <= 228 * KB


def test_many_rounds_of_tasks_are_expanded() -> None:
    """A round more costs each of them a task's time; expanded, their work alone."""
    found = tasks_of("H100", "w1x1", "w1x1024", "w1x4096")
    assert [len(found[n]) for n in ("w1x1", "w1x1024", "w1x4096")] == [1, 1, 0]


@pytest.mark.parametrize("card", ["A100", "RTX 3090", "MI250"])
def test_smaller_cards_keep_tasks_too(card: str) -> None:
    multiprocessors, shared = CARDS[card]
    found = tasks_of(card, "w1", "w2", "w3", "w4", "w1x256", "w5s1")
    assert found.pop("w5s1") == []
    for name, (task,) in found.items():
        assert task["shared_bytes"] <= shared, name
        # a frame goes to the device's memory only where a block has no room for it
        fits = shared >= 99 * KB or not name.startswith("w1")
        assert task["frame_is_shared"] == fits, name
        if not fits:
            assert task["blocks"] <= 2 * multiprocessors, name


def test_where_a_frame_lies_changes_no_bit() -> None:
    """Shared memory of 227, 99 and 64 KB: in the last, the frames of w1 are not in it.
    The fake driver refuses a launch that asks for more than the card has."""
    large, *smaller = (
        output_of(LOSSES, "w1", "w4", fake=f"shared={kilobytes * KB}")
        for kilobytes in (227, 99, 64)
    )
    assert len(large) == 2
    assert all(losses == large for losses in smaller)
