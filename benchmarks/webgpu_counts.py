"""Dispatches, pipelines, bytes and host time of a meta-step on WebGPU:

    python benchmarks/webgpu_counts.py [--only w1,w4] [--document]

What a list holds needs no GPU, and is the same on every adapter; the host's time is
what Python takes to write the rows and encode a step, without waiting for the GPU.
"""

import argparse
import sys
from pathlib import Path
from time import perf_counter

from harness import report

import neurenix as nx
import neurenix_backend_webgpu.backend
from neurenix.backends import discovery
from neurenix_backend_webgpu.lowering.device_numbers import TASKS

sys.path.insert(0, str(Path(__file__).resolve().parent / "webgpu"))
from workloads import WORKLOADS, Workload

# A software adapter would keep short maps only: here programs are those of a GPU.
neurenix_backend_webgpu.backend.SOFTWARE_TASKS = TASKS

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "webgpu.md"
HEAD = (
    "| workload | dispatches | pipelines | text (KB) | scratch (MB) | "
    "rows a step (KB) | lowering (s) | host time a step (ms) |\n"
    "|---|---|---|---|---|---|---|---|"
)


def counts(name):
    """A row of the table: a step is made, and encoded ten times."""
    nx.init({"device": "webgpu"})
    workload = Workload(name)
    batch = [nx.tensor(array) for array in workload.batch()]
    workload.step(*batch).item()
    (entry,) = workload.step.entries.values()
    executable = entry.executable
    made = executable.list
    device = discovery.backend("webgpu").device(0)
    device.wait()
    times = []
    for _ in range(3 if name.startswith(("w5", "w6")) else 10):
        start = perf_counter()
        workload.step(*batch)
        times.append(perf_counter() - start)
        device.wait()
    return (
        f"| {name} | {len(made.dispatches)} | {len(made.modules)} | "
        f"{sum(map(len, made.modules)) / 1e3:.0f} | "
        f"{4 * sum(made.scratch) / 1e6:.2f} | "
        f"{256 * len(made.dispatches) / 1e3:.1f} | "
        f"{executable.plan_seconds:.2f} | {1e3 * min(times):.2f} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", help="workloads, such as w1,w4")
    parser.add_argument("--document", action="store_true", help="write docs/webgpu.md")
    given = parser.parse_args()
    rows = []
    for name in given.only.split(",") if given.only else WORKLOADS:
        rows.append(counts(name))
        print(rows[-1], flush=True)
    if given.document:
        report.replace(DOCUMENT, "counts", "\n".join([HEAD, *rows]))


if __name__ == "__main__":
    main()
