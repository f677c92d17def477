"""w1 to w6 on a WebGPU device beside the CPU: losses, times, the dearest kernels.

    python benchmarks/webgpu_check.py [--device webgpu:0] [--seconds 5] [--only w1,w4]

scripts/webgpu_check.sh runs it, and what it prints is one Markdown table. The exit
status is 1 where losses differ by more than their bound.
"""

import argparse
import sys
from pathlib import Path
from time import perf_counter

import neurenix as nx
from neurenix.backends import discovery

sys.path.insert(0, str(Path(__file__).resolve().parent / "webgpu"))
from workloads import WORKLOADS, Workload

HEAD = (
    "| workload | losses differ by | first step (s) | step (ms) | 16 a call (ms) | "
    "CPU step (ms) | dispatches | dearest kernels (share of GPU time) |\n"
    "|---|---|---|---|---|---|---|---|"
)


def measured(name, device, seconds):
    """Losses of three steps, the first call's seconds, the best step's milliseconds,
    and the workload."""
    nx.init({"device": device})
    workload = Workload(name)
    start = perf_counter()
    losses = workload.losses(1)
    first = perf_counter() - start
    losses += workload.losses(2)
    batch = [nx.tensor(array) for array in workload.batch()]
    times, end = [], perf_counter() + seconds
    while len(times) < 3 or perf_counter() < end:
        start = perf_counter()
        workload.step(*batch).item()
        times.append(1e3 * (perf_counter() - start))
    return losses, first, min(times), workload


def in_calls(workload, seconds):
    """Milliseconds of a step, of sixteen in a call."""
    stacks = [nx.tensor(array[None].repeat(16, 0)) for array in workload.batch()]
    workload.step.run_steps(*stacks)
    best, end = float("inf"), perf_counter() + seconds
    while True:
        start = perf_counter()
        workload.step.run_steps(*stacks).numpy()
        best = min(best, 1e3 * (perf_counter() - start) / 16)
        if perf_counter() > end:
            return best


def dearest(workload, backend):
    """The kinds of kernels that took most of the GPU's time."""
    if not backend.takes_profiles:
        return "no timestamps"
    batch = [nx.tensor(array) for array in workload.batch()]
    with nx.profile() as profile:
        workload.step(*batch).item()
    shares = {}
    for row in profile.rows:
        kind = row["primitive"]
        shares[kind] = shares.get(kind, 0.0) + row["share"]
    ranked = sorted(shares.items(), key=lambda pair: -pair[1])[:3]
    return ", ".join(f"{kind} {share:.0%}" for kind, share in ranked)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="webgpu")
    parser.add_argument("--seconds", type=float, default=4, help="for each figure")
    parser.add_argument("--only", help="workloads, such as w1,w4")
    given = parser.parse_args()
    backend = discovery.backend("webgpu")
    print(HEAD, flush=True)
    failed = False
    for name in given.only.split(",") if given.only else WORKLOADS:
        expected, _, on_cpu, _ = measured(name, "cpu", min(given.seconds, 1))
        losses, first, step, workload = measured(name, given.device, given.seconds)
        apart = max(abs(a - b) / abs(b) for a, b in zip(losses, expected, strict=True))
        bound = 1e-4 if name.startswith(("w5", "w6")) else 1e-5
        failed |= not apart <= bound
        # many at once is for steps that are short
        call = f"{in_calls(workload, given.seconds):.3f}" if step < 100 else ""
        (entry,) = list(workload.step.entries.values())[:1]
        print(
            f"| {name} | {apart:.1e}{'' if apart <= bound else ' TOO MUCH'} | "
            f"{first:.2f} | {step:.3f} | {call} | {on_cpu:.3f} | "
            f"{len(entry.executable.list.dispatches)} | {dearest(workload, backend)} |",
            flush=True,
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
