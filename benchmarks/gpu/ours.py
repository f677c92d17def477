"""One case on a device, in a process of its own.

    python benchmarks/gpu/ours.py w1 --device cuda:0 [--seconds 1] [--small]

prints one line of JSON: the losses of the first steps, a digest of the weights after
them, whether a second run has the same, what the device says of its code, the first
call's seconds, and the median milliseconds of a step, one a call and of sixteen a call;
with --seconds 0 no times.
With --growth N it prints by how many bytes N steps fill the device's memory, by our
count and by the driver's, and the host's; with --profile what one step spends its time
on.
"""

import argparse
import hashlib
import json
from time import perf_counter

import numpy as np
from cases import CASES, STEPS, case
from memory_in_use import ALLOWED, memory_in_use

import neurenix as nx
from neurenix.backends import discovery

CALLS = 16  # steps of one call, where several go in one


def learned(name, small):
    """Losses of the first steps, the first one's seconds, and the weights' digest."""
    workload = case(name, small)
    start = perf_counter()
    losses = workload.losses(1)
    first = perf_counter() - start
    losses += workload.losses(STEPS - 1)
    digest = hashlib.sha256()
    for parameter in workload.learner.parameters():
        digest.update(parameter.numpy().tobytes())
    return workload, losses, first, digest.hexdigest()


def timed(call, seconds):
    """The median of calls in milliseconds, after one that does not count."""
    call()
    times, end = [], perf_counter() + seconds
    while len(times) < 5 or perf_counter() < end:
        start = perf_counter()
        call()
        times.append(1e3 * (perf_counter() - start))
    return float(np.median(times))


def stacked(workload, steps):
    return [nx.tensor(array[None].repeat(steps, 0)) for array in workload.batch()]


def measured(name, seconds, small):
    workload, losses, first, digest = learned(name, small)
    told = {"losses": losses, "first_s": first, "digest": digest}
    told["same"] = learned(name, small)[3] == digest
    device = nx.current_device()
    told["notes"] = discovery.backend(device.type).notes(device.index)
    if seconds:
        batch = [nx.tensor(array) for array in workload.batch()]
        told["one_ms"] = timed(lambda: workload.step(*batch).item(), seconds)
        stacks = stacked(workload, CALLS)
        many = timed(lambda: workload.step.run_steps(*stacks).numpy(), seconds)
        told["many_ms"] = many / CALLS
    return told


def growth(name, steps, small):
    """By how many bytes so many steps after the first calls fill each memory."""
    workload = case(name, small)
    at_once = min(100, steps)
    stacks = stacked(workload, at_once)
    for _ in range(5):  # until all is there that is kept
        workload.step.run_steps(*stacks).numpy()
    before = memory_in_use()
    for _ in range(steps // at_once):
        workload.step.run_steps(*stacks).numpy()
    return {name: size - before[name] for name, size in memory_in_use().items()}


def profiled(name, small):
    workload = case(name, small)
    batch = [nx.tensor(array) for array in workload.batch()]
    workload.step(*batch).item()
    with nx.profile() as profile:
        workload.step(*batch).item()
    return str(profile)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each time")
    parser.add_argument("--small", action="store_true", help="to try whether it runs")
    parser.add_argument("--growth", type=int, metavar="STEPS")
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    nx.init({"device": given.device})
    if given.growth:
        added = growth(given.case, given.growth, given.small)
        more = [name for name, size in added.items() if size > ALLOWED[name]]
        told = ", ".join(f"{name} by {size:,} bytes" for name, size in added.items())
        print(f"{given.growth:,} steps of {given.case} filled {told}: ", end="")
        print(f"{', '.join(more)} GREW" if more else "flat")
        return int(bool(more))
    if given.profile:
        print(profiled(given.case, given.small))
        return 0
    told = measured(given.case, given.seconds, given.small)
    print(json.dumps(told))
    return 0 if told["same"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
