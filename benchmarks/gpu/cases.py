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
STEPS = 5  # whose losses are compared

# How far a loss may lie from the CPU's, relative to it: the first, and those after it.
# In float32, PyTorch and JAX are within 2e-7 of the CPU's engine over five steps, but
# where a step meets many maxima of pooling windows (w6) or five ReLUs' kinks in a row
# (w5s5). There round-off decides which side of a kink a value is on, Adam makes whole
# steps of the difference, and after five steps PyTorch is 3e-5 and 2e-3 from it, JAX
# 3e-3 and 2e-2; the first loss, with all its inner steps, is within 5e-7.
SMOOTH, KINKED = (1e-5, 1e-5), (1e-5, 3e-2)


def bounds(name):
    return KINKED if name.startswith(("w5s5", "w6")) else SMOOTH


def case(name, small=False, **sizes):
    """The workload of a case; see `Workload` for the sizes. A small one is for trying
    whether everything runs."""
    workloads.WORKLOADS.update(LARGER)
    if small:
        workloads.WORKLOADS[name] = smaller(workloads.WORKLOADS[name])
    return Workload(name, **sizes)


def smaller(w):
    """A case with the same parts, and fewer and smaller ones of each."""
    small = {"tasks": min(w["tasks"], 4 if w["tasks"] > 4 else 2)}
    if "inner" in w:
        small["inner"] = min(w["inner"], 2)
    if "ways" in w:
        small |= {"ways": 5 if w["ways"] < 60 else 6, "shots": 1, "queries": 1}
    if "image" in w:
        small |= {"channels": 4, "image": 16}
    return {**w, **small}
