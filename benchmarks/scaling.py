"""How the time of a meta-step grows: make scaling, or

    python benchmarks/scaling.py [--only tasks,width] [--plot scaling.png]

Each case is held against the one before it (or its neighbour) by time per operation;
more than 1.25 times is a cliff, until the working set leaves the second-level cache.
The best of many repeats counts, in turns with what it is held against, for the machine
may be shared. Memory: what the engine's arena takes, over the plan's lower bound (see
growth/counts.py), in which the partial sums of a map's fixed tree are not counted.
"""

import argparse
import gc
import itertools
import json
import time
from pathlib import Path

from growth.cases import neighbours, sweeps
from growth.counts import operations, scratch
from harness import machine, report

import neurenix as nx
from neurenix.backends import discovery

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
CLIFF = 1.25
CACHE = Path("/sys/devices/system/cpu/cpu0/cache/index2/size")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", help="sweeps, such as tasks,width,neighbours")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.15, help="of a turn")
    parser.add_argument("--plot", help="a picture of the sweeps; needs matplotlib")
    parser.add_argument("--output", default="scaling.jsonl", help="rows are added")
    parser.add_argument("--document", action="store_true", help="write the tables")
    return parser.parse_args()


def cache_bytes():
    """Of the second-level cache; 1 MiB where the system does not say."""
    try:
        return int(CACHE.read_text().strip().removesuffix("K")) << 10
    except (OSError, ValueError):
        return 1 << 20


def arenas():
    device = nx.current_device()
    return discovery.backend(device.type).memory_stats(device.index)["arenas"]


class Running:
    """A case that is compiled, with what its first call took."""

    def __init__(self, case):
        self.case = case
        self.step, self.batch = case.meta_step()
        gc.collect()
        nx.init({"threads": case.threads})  # lets go of what is kept for reuse
        before = arenas()
        start = time.perf_counter()
        self.step(*self.batch).item()
        self.first_s = time.perf_counter() - start
        self.arena = arenas() - before
        (entry,) = self.step.entries.values()
        self.operations = operations(entry.program)
        self.scratch = scratch(entry.program, entry.written, case.threads)
        self.best_s = float("inf")

    def turn(self, seconds):
        nx.init({"threads": self.case.threads})
        end, calls = time.perf_counter() + seconds, 0
        while time.perf_counter() < end or calls < 3:
            start = time.perf_counter()
            self.step(*self.batch)
            self.best_s = min(self.best_s, time.perf_counter() - start)
            calls += 1


def held_against(old, new, options):
    for _ in range(options.turns):
        old.turn(options.seconds)
        new.turn(options.seconds)


def row(name, running, before):
    ms, count = running.best_s * 1e3, running.operations
    found = {
        "sweep": name,
        "case": str(running.case),
        "ms": ms,
        "operations": count,
        "gflops": count / ms * 1e-6,
        "first_s": running.first_s,
        "arena": running.arena,
        "bound": running.scratch.bound,
        "arena_over_bound": running.arena / max(running.scratch.bound, 1),
        "plan_over_bound": running.scratch.taken / max(running.scratch.bound, 1),
        "fits_cache": running.scratch.bound / running.case.threads <= cache_bytes(),
    }
    if before is not None:
        per_operation = before.best_s / before.operations
        found["ratio"] = running.best_s / count / per_operation
        # Two threads share the operations; what they add must still be less.
        threads = running.case.threads / before.case.threads
        found["ratio"] *= threads if name == "threads" else 1
        found["cliff"] = found["ratio"] > CLIFF and found["fits_cache"]
    return found


def measure(options):
    """Rows, sweep by sweep."""
    wanted = options.only.split(",") if options.only else None
    for name, cases in sweeps(machine.cores()).items():
        if wanted is not None and name not in wanted:
            continue
        running = Running(cases[0])
        for _ in range(options.turns):
            running.turn(options.seconds)
        yield row(name, running, None)
        for case in cases[1:]:
            before, running = running, Running(case)
            held_against(before, running, options)
            yield row(name, running, before)
    if wanted is None or "neighbours" in wanted:
        for one, other in neighbours():
            pair = Running(one), Running(other)
            held_against(*pair, options)
            yield row("neighbours", pair[0], None)
            yield row("neighbours", pair[1], pair[0])


COLUMNS = [
    ("", lambda row: row["sweep"]),
    ("case", lambda row: row["case"]),
    ("ms", lambda row: f"{row['ms']:.3g}"),
    ("GFLOP/s", lambda row: f"{row['gflops']:.3g}"),
    (
        "time per operation / before",
        lambda row: (
            f"{row['ratio']:.2f}{' CLIFF' if row['cliff'] else ''}"
            if "ratio" in row
            else ""
        ),
    ),
    ("first call s", lambda row: f"{row['first_s']:.3f}"),
    ("arena KiB", lambda row: f"{row['arena'] / 1024:.0f}"),
    ("arena / bound", lambda row: f"{row['arena_over_bound']:.2f}"),
    ("plan / bound", lambda row: f"{row['plan_over_bound']:.2f}"),
]


def plot(rows, path):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shown = [row for row in rows if row["sweep"] != "neighbours"]
    groups = [
        (name, list(group))
        for name, group in itertools.groupby(shown, key=lambda row: row["sweep"])
    ]
    figure, axes = plt.subplots(
        2, -(-len(groups) // 2), figsize=(14, 7), layout="constrained", squeeze=False
    )
    for axis, (name, group) in zip(axes.flat, groups):
        points = range(len(group))
        axis.plot(points, [row["gflops"] for row in group], "o-")
        axis.set(title=name, ylabel="GFLOP/s", ylim=(0, None))
        parts = [set(row["case"].split(", ")) for row in group]
        common = set.intersection(*parts)
        axis.set_xticks(points, [", ".join(own - common) for own in parts])
        axis.tick_params(axis="x", rotation=30)
    for axis in axes.flat[len(groups) :]:
        axis.remove()
    figure.savefig(path, dpi=110)


def main():
    options = arguments()
    before, rows = machine.load(), []
    with open(options.output, "a") as output:
        for found in measure(options):
            rows.append({**found, "load": machine.load()})
            print(json.dumps(rows[-1]), flush=True)
            output.write(json.dumps(rows[-1]) + "\n")
        facts = machine.describe(None, before)
        output.write(json.dumps(facts) + "\n")
    text = "\n".join(report.machine_lines(facts, None))
    text += "\n\n" + report.table(COLUMNS, rows)
    print("\n" + text)
    if options.plot:
        plot(rows, options.plot)
    if options.document:
        report.put_between(DOCUMENT, "scaling", text)


if __name__ == "__main__":
    main()
