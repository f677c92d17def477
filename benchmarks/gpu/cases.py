"""The cases that a GPU is measured on: w1 to w6, and larger ones.

w1x256    w1 with 256 tasks
w5s5x32   w5s5 with 32 tasks
w6x60     w6 with 60 classes
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "webgpu"))
import workloads
from workloads import WORKLOADS, Workload

LARGER = {
    "w1x256": {**WORKLOADS["w1"], "tasks": 256},
    "w5s5x32": {**WORKLOADS["w5s5"], "tasks": 32},
    "w6x60": {**WORKLOADS["w6"], "ways": 60},
}
CASES = [*WORKLOADS, *LARGER]


def case(name, **sizes):
    """The workload of a case; see `Workload` for the sizes."""
    workloads.WORKLOADS.update(LARGER)
    return Workload(name, **sizes)


def bound(name):
    """How far its losses may lie from the CPU's, relative to them."""
    return 1e-4 if name.startswith(("w5", "w6")) else 1e-5
