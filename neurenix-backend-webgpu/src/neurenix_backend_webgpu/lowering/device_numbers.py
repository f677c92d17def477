"""What programs for WebGPU look like: the numbers by which core shapes them.

They are those of a small GPU, the same for every adapter: the same program comes out
for all of them, and for an export without one.
"""

from __future__ import annotations

from dataclasses import replace

from neurenix.backends import Limits, TaskCosts
from neurenix.dtypes import ALL
from neurenix.passes.target import Target
from neurenix.primitives.fused import FUSED_ARGMAX

from .kernel import LANES, ROW_ROOM
from .steps import PRIMITIVES
from .storage import DTYPES, element_bytes

LIMITS = Limits(
    storage=tuple(
        (d, element_bytes(d))
        for d in ALL
        if d in DTYPES and element_bytes(d) != d.itemsize
    ),
    product_rows=0,  # strides cost a kernel nothing, a copy is a dispatch
)
FEATURES = frozenset({FUSED_ARGMAX})

# A multiply-add takes a lane a nanosecond, about; a barrier one microsecond; a dispatch
# 24 to 71, as arXiv 2604.02344 measures.
TASKS = TaskCosts(
    lanes=LANES,
    groups=32,
    barrier=1_000.0,
    dispatch=30_000.0,
    most_work=1 << 22,
    most_elements=1 << 16,
    most_operands=ROW_ROOM - 5,  # the others of a task's row: scratch and constants
    most_time=1e8,  # 0.1 s: Windows resets a GPU after two
    memory_bytes=256 << 20,
)

# A software adapter runs the lanes of a workgroup in turns between two barriers, and
# its compiler takes half a minute for the 240 steps of a small MAML.
SOFTWARE_TASKS = replace(TASKS, most_steps=40)

#: Primitives with a region, which programs keep.
CONTROL = frozenset({"call", "map", "scan"})

#: What `prepare` shapes programs for, where there is no adapter to ask.
TARGET = Target(
    primitives=PRIMITIVES | CONTROL,
    features=FEATURES,
    limits=LIMITS,
    tasks=TASKS,
    device="webgpu",
)
