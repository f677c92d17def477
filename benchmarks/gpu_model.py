"""What a meta-step costs on a GPU, by counting: no GPU is needed.

    python benchmarks/gpu_model.py [--only w1,w4] [--cubin phynexus_cuda.fatbin]
        [--detail w5s1] [--document]

For each case of `benchmarks/gpu/cases.py` it prints launches, levels (of the whole
device, and within tasks), operations, bytes, blocks at once on a multiprocessor, and
the expected time of a step beside the floor, on an H100 and an A100. Launches are
those that the engine's own lowering makes, listed by the emulated library (`make
emulated`). With --cubin, registers are what `cuobjdump --dump-resource-usage` finds
in the device's code; without it 128 for every kernel, and that is said.

The floor: multiplications and additions at the device's peak, or the bytes of weights,
optimizer and batch once at its bandwidth, whichever is more. All times are of the
device alone: the host's part of a step, which is waited for, is some 20 µs of ours.
"""

import argparse
import sys
from pathlib import Path

from harness.report import put_between

import neurenix as nx

sys.path.insert(0, str(Path(__file__).resolve().parent / "gpu"))
from cases import CASES, case
from cost import A100, H100, registers_of, time_of
from launches import Counted, listed_on
from peer_cost import compiled, eager

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "performance.md"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="cases, with commas between them")
    parser.add_argument("--cubin", help="the device's code, as nvcc made it")
    parser.add_argument("--detail", help="the case whose launches are listed")
    parser.add_argument(
        "--document", action="store_true", help="write docs/performance.md"
    )
    options = parser.parse_args()
    names = options.only.split(",") if options.only else CASES
    registers = registers_of(options.cubin) if options.cubin else {}
    listing = listed_on(H100)
    table = [
        "| case | launches | levels | in tasks | MFLOP | MB | blocks an SM "
        "| H100 µs | floor | A100 µs | floor | jit µs | eager µs | times the best |\n"
        "|---" + "|---:" * 13 + "|"
    ]
    print(table[0])
    for name in names:
        nx.init({"device": listing.device})
        workload = case(name)
        batch = [nx.tensor(array) for array in workload.batch()]
        plan = listing.of(workload.step, batch)
        table.append(row(name, plan, registers))
        print(table[-1], flush=True)
        if name == options.detail:
            detail(plan, registers)
    if not registers:
        table += ["", "No --cubin: registers taken for 128 a thread."]
        print("\n".join(table[-2:]))
    if options.document:
        put_between(DOCUMENT, "counted on GPUs", "\n".join(table))


def row(name, plan: Counted, registers):
    cells = [
        name,
        len(plan.launches),
        1 + max(launch.level for launch in plan.launches),
        max((launch.levels_of_task for launch in plan.launches), default=0),
        f"{plan.operations / 1e6:.1f}",
        f"{plan.bytes / 1e6:.1f}",
        "/".join(
            str(n)
            for n in sorted({H100.blocks_at_once(x, registers) for x in plan.launches})
        ),
    ]
    for device in (H100, A100):
        micros = time_of(plan, device, registers) * 1e6
        floor = device.floor(plan.products, plan.state_bytes) * 1e6
        cells += [f"{micros:.0f}", f"{floor:.1f}"]
    peers = [1e6 * cost(name, plan, H100) for cost in (compiled, eager)]
    ours = 1e6 * time_of(plan, H100, registers)
    cells += [*(f"{micros:.0f}" for micros in peers), f"{min(peers) / ours:.1f}"]
    return "| " + " | ".join(map(str, cells)) + " |"


def detail(plan: Counted, registers):
    """The launches that cost most, on an H100."""
    costs = [(H100.launch_time(x, registers), x) for x in plan.launches]
    for seconds, launch in sorted(costs, key=lambda c: -c[0])[:25]:
        handlers = ", ".join(sorted({record.handler for record in launch.records}))
        print(
            f"  {seconds * 1e6:7.1f} µs  {launch.kernel}, {launch.blocks} blocks, "
            f"{launch.operations / 1e6:.1f} MFLOP, {launch.bytes / 1e6:.1f} MB: "
            f"{handlers}"
        )


if __name__ == "__main__":
    main()
