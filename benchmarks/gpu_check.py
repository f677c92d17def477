"""w1 to w6 and larger cases on a GPU, beside the CPU, JAX and PyTorch, in one run.

    python benchmarks/gpu_check.py [--device cuda:0] [--seconds 2] [--limit 240]
        [--only w1,w4] [--peers jax,torch-eager,torch-reduce] [--python jax=python3.12]

Prints one Markdown table, a row as soon as it is measured, and what the slowest case
spends its time on. Each step is waited for, on every side; a peer has a process of its
own. After `limit` seconds no further peer is started, and the table says so. The exit
status is 1 where losses differ from the CPU's by more than their bound, or where a
second run of the same steps gives other bits.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

import neurenix as nx
from neurenix.backends import discovery

sys.path.insert(0, str(Path(__file__).resolve().parent / "gpu"))
from cases import CASES, bound, case

FOLDER = Path(__file__).resolve().parent / "gpu"

PEERS = ("jax", "torch-eager", "torch-reduce")
STEPS = 3  # whose losses are compared


def of(name, device):
    nx.init({"device": device})
    return case(name)


def ours(name, device, seconds):
    """Losses, the first call's seconds, and the best and median step in milliseconds,
    one a call and sixteen a call."""
    workload = of(name, device)
    start = perf_counter()
    losses = workload.losses(1)
    first = perf_counter() - start
    losses += workload.losses(STEPS - 1)
    batch = [nx.tensor(array) for array in workload.batch()]
    one = timed(lambda: workload.step(*batch).item(), seconds)
    stacks = [nx.tensor(array[None].repeat(16, 0)) for array in workload.batch()]
    many = timed(lambda: workload.step.run_steps(*stacks).numpy(), seconds) / 16
    return losses, first, one, many


def timed(call, seconds):
    """The median of calls, in milliseconds, after one that does not count."""
    call()
    times, end = [], perf_counter() + seconds
    while len(times) < 5 or perf_counter() < end:
        start = perf_counter()
        call()
        times.append(1e3 * (perf_counter() - start))
    return float(np.median(times))


def write_case(name, file):
    """The case's batches and first weights, for peers."""
    workload = of(name, "cpu")
    w = workload.w
    weights = [parameter.numpy() for parameter in workload.learner.parameters()]
    told = {
        "method": w["method"].__name__,
        "weights": len(weights),
        "batches": STEPS,
        "channels": w.get("channels", 0),
        "adapts": w["method"].__name__ == "MAML",
        "ways": w.get("ways", 0),
        "inner": w.get("inner", 0),
        "inner_lr": w.get("inner_lr", 0.0),
        "first_order": w.get("first_order", False),
    }
    arrays = {f"weight{i}": weight for i, weight in enumerate(weights)}
    for i in range(STEPS):
        arrays |= {f"batch{i}_{part}": a for part, a in enumerate(workload.batch())}
    np.savez(file, case=json.dumps(told), **arrays)


def peer(python, file, form, seconds, limit):
    """What a peer's process printed, or why there is nothing."""
    command = [python, str(FOLDER / "peer.py"), str(file), form, str(seconds)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return f"over {limit:.0f} s"
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return last[:60].replace("|", "/")
    return json.loads(done.stdout.splitlines()[-1])


def apart(losses, expected):
    return max(abs(a - b) / abs(b) for a, b in zip(losses, expected, strict=True))


def same_bits(name, device):
    """Whether the same steps twice end in the same weights."""
    runs = []
    for _ in range(2):
        workload = of(name, device)
        workload.losses(STEPS)
        runs.append([p.numpy().tobytes() for p in workload.learner.parameters()])
    return runs[0] == runs[1]


def dearest(name, device):
    """Lines on what one step of a case spends its time on."""
    workload = of(name, device)
    batch = [nx.tensor(array) for array in workload.batch()]
    workload.step(*batch).item()
    with nx.profile() as profile:
        workload.step(*batch).item()
    return str(profile)


def growth(name, device, steps):
    """How many bytes of the device's memory so many steps add."""
    workload = of(name, device)
    stacks = [nx.tensor(array[None].repeat(100, 0)) for array in workload.batch()]
    backend, index = discovery.backend(device.partition(":")[0]), nx.current_device()
    sizes = []
    for _ in range(1 + steps // 100):
        workload.step.run_steps(*stacks).numpy()
        sizes.append(sum(backend.memory_stats(index.index).values()))
    return sizes[-1] - sizes[0]


def row(name, given, pythons, file, left):
    """A row of the table, our step in milliseconds, and whether all is well."""
    expected = of(name, "cpu").losses(STEPS)
    losses, first, one, many = ours(name, given.device, given.seconds)
    off, same = apart(losses, expected), same_bits(name, given.device)
    good = off <= bound(name) and same
    cells = [name, f"{off:.1e}{'' if off <= bound(name) else ' TOO MUCH'}"]
    cells += ["same" if same else "DIFFER", f"{first:.2f}", f"{one:.3f}", f"{many:.3f}"]
    write_case(name, file)
    best = None
    for form, python in pythons.items():
        remaining = left()
        told = "no time left"
        if remaining > 5:
            told = peer(python, file, form, given.seconds, min(remaining, 60))
        if isinstance(told, str):
            cells.append(told)
            continue
        # the maths is the same if the first losses agree
        wrong = (
            "" if apart(told["losses"][:1], expected[:1]) < 1e-3 else " (other loss)"
        )
        cells.append(f"{told['median_ms']:.3f}{wrong}")
        if not wrong:
            best = min(best or told["median_ms"], told["median_ms"])
    cells.append(f"{best / one:.1f}" if best else "")
    return f"| {' | '.join(cells)} |", one, good


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument(
        "--seconds",
        type=float,
        default=1.0,
        help="for each figure; 0: losses and bits alone",
    )
    parser.add_argument("--limit", type=float, default=240.0, help="seconds in all")
    parser.add_argument("--only", help="cases, such as w1,w4")
    parser.add_argument("--peers", default=",".join(PEERS), help='"" for none')
    parser.add_argument(
        "--python", action="append", default=[], help="jax=PATH: a peer's interpreter"
    )
    given = parser.parse_args()
    others = dict(pair.split("=", 1) for pair in given.python)
    forms = [form for form in given.peers.split(",") if form]
    pythons = {f: others.get(f.split("-")[0], sys.executable) for f in forms}
    end = perf_counter() + given.limit
    head = ["case", "losses differ by", "bits twice", "first call (s)"]
    head += ["step (ms)", "of 16 a call (ms)", *(f"{f} (ms)" for f in pythons)]
    head.append("times the best peer")
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|", flush=True)
    failed, slowest = False, (0.0, "")
    with tempfile.TemporaryDirectory() as folder:
        for name in given.only.split(",") if given.only else CASES:
            file = Path(folder) / f"{name}.npz"
            text, one, good = row(
                name, given, pythons, file, lambda: end - perf_counter()
            )
            print(text, flush=True)
            failed |= not good
            slowest = max(slowest, (one, name))
    if not given.seconds:  # under a sanitizer: correctness alone
        return int(failed)
    more = growth("w1", given.device, 10_000)
    print(f"\n10,000 steps of w1 added {more} bytes to the device's memory")
    print(f"\nOne step of {slowest[1]}:\n\n{dearest(slowest[1], given.device)}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
