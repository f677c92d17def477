"""Runs 50 steps of w1 and of a small convolutional network on the emulated device, and
prints, as JSON, the bits of the loss of each, of all weights behind the last, and
whether made code ran: `python take_over.py w1 w5s1`.

With NEURENIX_GPU_CODE=1 it waits, between two steps half-way, until the code of the
step is there. A process of its own: what makes code is chosen by environment variables.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from cuda_emulated import ROOT, register

import neurenix as nx

sys.path.insert(0, str(ROOT / "benchmarks" / "gpu"))
from cases import case  # type: ignore[import-not-found]

STEPS = 50
kept = Path(os.environ["NEURENIX_CACHE"]) / "cuda"


def entries() -> int:
    return len(list(kept.glob("*.bin")))


def loaded() -> int:
    """How many libraries of made code the fake driver has loaded."""
    maps = Path("/proc/self/maps").read_text().splitlines()
    return len({line.split()[-1] for line in maps if "/made_" in line})


def run(name: str) -> dict[str, object]:
    workload = case(name, channels=4, image=16)
    before, mapped = entries(), loaded()
    losses = []
    for step in range(STEPS):
        if step == STEPS // 2 and os.environ["NEURENIX_GPU_CODE"] == "1":
            while entries() == before:
                time.sleep(0.02)
        batch = [nx.tensor(array) for array in workload.batch()]
        losses.append(workload.step(*batch).numpy().tobytes().hex())
    weights = [p.numpy().tobytes().hex() for p in workload.learner.parameters()]
    return {"losses": losses, "weights": weights, "made": loaded() > mapped}


nx.init({"device": register()})
print(json.dumps({name: run(name) for name in sys.argv[1:]}))
