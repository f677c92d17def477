"""What a meta-step costs on a GPU, by counting: no GPU is needed.

    python benchmarks/gpu_model.py [--only w1,w4] [--resources said.txt]
        [--detail w5s1] [--document]

For each case of `benchmarks/gpu/cases.py` it prints launches, levels (of the whole
device, and within tasks), operations, bytes, blocks at once on a multiprocessor, and
the expected time of a step beside the floor, on an H100 and an A100. Launches are
those that the engine's own lowering makes, listed by the emulated library (`make
emulated`), and whether tasks are kept is what core chooses for an H100. --resources
has the kernels' registers and shared memory: what nvcc says on standard error, called
as in neurenix-backend-cuda/tests/test_machine_code.py. Without it each kernel is taken
to have 128 registers, and that is said.

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
from cost import A100, H100, time_of
from launches import Counted, listed_on, resources_of
from peer_cost import compiled, eager

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "performance.md"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="cases, with commas between them")
    parser.add_argument(
        "--resources", type=Path, help="what `nvcc -Xptxas -v` said of the kernels"
    )
    parser.add_argument("--detail", help="the case whose launches are listed")
    parser.add_argument(
        "--document", action="store_true", help="write docs/performance.md"
    )
    options = parser.parse_args()
    names = options.only.split(",") if options.only else CASES
    resources = resources_of(options.resources.read_text()) if options.resources else {}
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
        table.append(row(name, plan, resources))
        print(table[-1], flush=True)
        if name == options.detail:
            detail(plan, resources)
    if not resources:
        table += ["", "No --resources: registers taken for 128 a thread."]
        print("\n".join(table[-2:]))
    if options.document:
        put_between(DOCUMENT, "counted on GPUs", "\n".join(table))


def row(name, plan: Counted, resources):
    cells = [
        name,
        len(plan.launches),
        1 + max(launch.level for launch in plan.launches),
        max((launch.levels_of_task for launch in plan.launches), default=0),
        f"{plan.operations / 1e6:.1f}",
        f"{plan.bytes / 1e6:.1f}",
        "/".join(
            str(n)
            for n in sorted({H100.blocks_at_once(x, resources) for x in plan.launches})
        ),
    ]
    for device in (H100, A100):
        micros = time_of(plan, device, resources) * 1e6
        floor = device.floor(plan.products, plan.state_bytes) * 1e6
        cells += [f"{micros:.0f}", f"{floor:.1f}"]
    peers = [1e6 * cost(name, plan, H100) for cost in (compiled, eager)]
    ours = 1e6 * time_of(plan, H100, resources)
    cells += [*(f"{micros:.0f}" for micros in peers), f"{min(peers) / ours:.1f}"]
    return "| " + " | ".join(map(str, cells)) + " |"


def detail(plan: Counted, resources):
    """The launches that cost most, on an H100."""
    costs = [(H100.launch_time(x, resources), x) for x in plan.launches]
    for seconds, launch in sorted(costs, key=lambda c: -c[0])[:25]:
        handlers = ", ".join(sorted({record.handler for record in launch.records}))
        print(
            f"  {seconds * 1e6:7.1f} µs  {launch.kernel}, {launch.blocks} blocks, "
            f"{launch.operations / 1e6:.1f} MFLOP, {launch.bytes / 1e6:.1f} MB: "
            f"{handlers}"
        )


if __name__ == "__main__":
    main()
