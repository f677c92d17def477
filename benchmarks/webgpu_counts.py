"""Dispatches, modules, bytes and host time of a meta-step on WebGPU:

    python benchmarks/webgpu_counts.py [--only w1,w4] [--times w1,w4] [--document]

What a list holds is the same on every GPU, and is counted without one. The host's time
is what Python takes to write the rows and encode a step, without waiting for the
device; it is measured on the adapter that is here. A software adapter keeps fewer maps
as tasks, so that its list may be longer: its dispatches stand beside the time.
"""

import argparse
import sys
from pathlib import Path
from time import perf_counter

from harness import report

import neurenix as nx
from neurenix.backends import BackendInfo, Capabilities, discovery
from neurenix.backends.protocol import API_VERSION
from neurenix.backends.reference import ReferenceBackend
from neurenix.errors import BackendError
from neurenix_backend_webgpu.lowering import lower
from neurenix_backend_webgpu.lowering.device_numbers import LIMITS, TARGET, TASKS
from neurenix_backend_webgpu.lowering.storage import DTYPES

sys.path.insert(0, str(Path(__file__).resolve().parent / "webgpu"))
from workloads import WORKLOADS, Workload

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "webgpu.md"
HEAD = (
    "| workload | dispatches | modules | text (KB) | scratch (MB) | rows (KB) | "
    "planning and lowering (s) | host time (ms), for dispatches |\n"
    "|---|---|---|---|---|---|---|---|"
)


class Lists(ReferenceBackend):
    """A GPU that only lowers: it keeps the list of a program with state, and runs
    nothing."""

    made = None
    seconds = 0.0

    def capabilities(self, index):
        return Capabilities(
            dtypes=DTYPES,
            primitives=TARGET.primitives,
            features=TARGET.features,
            limits=LIMITS,
            tasks=TASKS,
        )

    def compile(self, program, index, state=0):
        if not state:
            return super().compile(program, index, state)
        start = perf_counter()
        self.made = lower(program, state)
        self.seconds = perf_counter() - start
        raise BackendError("lowered, and that is all")


LISTS = Lists()
discovery.add(
    BackendInfo("lists", API_VERSION, "counts", -300, lambda: 1, lambda: LISTS)
)


def listed(name):
    """The cells of a row that need no adapter."""
    nx.init({"device": "lists"})
    workload = Workload(name)
    try:
        workload.step(*map(nx.tensor, workload.batch()))
    except BackendError as error:
        if "that is all" not in str(error):
            raise
    made = LISTS.made
    return [
        name,
        str(len(made.dispatches)),
        str(len(made.modules)),
        f"{sum(map(len, made.modules)) / 1e3:.0f}",
        f"{4 * sum(made.scratch) / 1e6:.2f}",
        f"{256 * len(made.dispatches) / 1e3:.1f}",
        f"{LISTS.seconds:.2f}",
    ]


def timed(name):
    """The best host time of ten steps on the adapter that is here, and their length."""
    nx.init({"device": "webgpu"})
    workload = Workload(name)
    batch = [nx.tensor(array) for array in workload.batch()]
    workload.step(*batch).item()
    (entry,) = workload.step.entries.values()
    device = discovery.backend("webgpu").device(0)
    times = []
    for _ in range(10):
        start = perf_counter()
        workload.step(*batch)
        times.append(1e3 * (perf_counter() - start))
        device.wait()
    return f"{min(times):.2f}, {len(entry.executable.list.dispatches)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", help="workloads, such as w1,w4")
    parser.add_argument("--times", help="of these workloads", default="w1,w2,w3,w4")
    parser.add_argument("--document", action="store_true", help="write docs/webgpu.md")
    given = parser.parse_args()
    rows = []
    for name in given.only.split(",") if given.only else WORKLOADS:
        time = timed(name) if name in given.times.split(",") else ""
        rows.append("| " + " | ".join([*listed(name), time]) + " |")
        print(rows[-1], flush=True)
    if given.document:
        report.put_between(DOCUMENT, "counts", "\n".join([HEAD, *rows]))


if __name__ == "__main__":
    main()
