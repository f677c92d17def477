"""Golden numbers: how many launches a meta-step of each workload takes, in how many
levels, and in how much scratch. Nothing runs: plans are lowered for an H100."""

from __future__ import annotations

import sys

import pytest
from cuda_emulated import ROOT, require_built

import neurenix as nx

require_built()
sys.path.insert(0, str(ROOT / "benchmarks" / "gpu"))
from cases import case  # type: ignore[import-not-found]  # noqa: E402
from cost import H100  # type: ignore[import-not-found]  # noqa: E402
from launches import listed_on  # type: ignore[import-not-found]  # noqa: E402

# (launches, levels of the whole device, levels of a task, MB of scratch), at most
MOST = {
    "w1": (4, 3, 114, 1),
    "w2": (4, 3, 59, 1),
    "w3": (3, 3, 80, 1),
    "w4": (4, 3, 22, 1),
    "w5s1": (118, 115, 0, 35),
    "w5s5": (418, 415, 0, 62),
    "w6": (63, 61, 0, 203),
}


@pytest.mark.parametrize("name", MOST)
def test_launches_of_a_step(name: str) -> None:
    listing = listed_on(H100)
    nx.init({"device": listing.device})
    workload = case(name)
    plan = listing.of(workload.step, list(map(nx.tensor, workload.batch())))
    nx.init({"device": "cpu"})
    numbers = (
        len(plan.launches),
        1 + max(launch.level for launch in plan.launches),
        max(launch.levels_of_task for launch in plan.launches),
        plan.scratch_bytes / 1e6,
    )
    assert all(n <= most for n, most in zip(numbers, MOST[name], strict=True)), numbers
