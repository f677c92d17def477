"""A model of meta-training on many machines: python benchmarks/many_machines_model.py

Measures steps of one process and of 1, 2 and 4 workers here, fits the costs of a step
to the smallest shares, and holds the others against the model. Then carries it to 1,000
machines, message by message (cluster_model/simulation.py), with and without a tree of
relays. What the numbers mean: docs/many-machines.md.
"""

import argparse

from cluster_model.costs import (
    HUNDRED_GIGABIT,
    TEN_GIGABIT,
    Costs,
    best_tree,
    tree_from,
)
from cluster_model.simulation import mean_step

WORKERS = (1, 8, 64, 256, 1000)
# A machine's share of a step: as much work as one with a GPU gets.
SHARE = 0.2
SIZES = (28_000, 112_000, 1_000_000, 12_000_000)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=60, help="of each case")
    parser.add_argument("--call", type=float, help="s a worker: do not measure")
    parser.add_argument("--byte", type=float, default=0.3e-9, help="s, with --call")
    return parser.parse_args()


def row(*cells):
    print("| " + " | ".join(cells) + " |")


def ms(seconds):
    return f"{1e3 * seconds:,.3g}" if seconds < 1 else f"{1e3 * seconds:,.0f}"


def check(steps):
    """Measures, fits, and prints both side by side; gives the costs of a call and of a
    byte."""
    from cluster_model import measured

    found = measured.measured(steps)
    costs = measured.fitted(found)
    print("\nMilliseconds a step; workers 0: one process without Ray\n")
    row("parameters", "workers", "tasks", "measured", "model", "model / measured")
    row(*["---:"] * 6)
    for s in found:
        c = costs[s.parameters]
        if s.workers:
            model = c.update + measured.added(c, s) + c.task * measured.rounds(s)
            ratio = f"{model / s.seconds:.2f}"
            used = "" if s.tasks > s.workers else " (fitted)"
            cells = ms(s.seconds), ms(model) + used, ratio
        else:
            cells = ms(s.seconds), "", ""
        row(f"{s.parameters:,}", str(s.workers), str(s.tasks), *cells)
    some = next(iter(costs.values()))
    print(f"\na call {some.call:.3g} s, a byte {some.byte:.3g} s")
    return some.call, some.byte


def carried(call, byte):
    """Tables for many machines: one worker each, and as much work for each."""
    for name, card in (("10", TEN_GIGABIT), ("100", HUNDRED_GIGABIT)):
        print(f"\n{name} Gbit/s: ms a step, driver alone / best tree (its fan)\n")
        row("parameters", *map(str, WORKERS), "half used at", "tree from")
        row(*["---:"] * (3 + len(WORKERS)))
        for size in SIZES:
            c = Costs(SHARE, 0.005, call, byte, 4 * size, card)
            row(
                f"{size:,}",
                *(cell(c, workers) for workers in WORKERS),
                str(c.half_used(1)),
                str(tree_from(c, 1)),
            )
    c = Costs(SHARE, 0.005, call, byte, 4 * 112_000)
    print("\nWhat losses add to a step of 1,000 workers, ms\n")
    row("a worker lives", "noticed after 1 s", "after a deadline of 600 s")
    row(*["---:"] * 3)
    for hours in (10_000.0, 1_000.0, 100.0):
        added = [c.lost(1000, 1, hours, notice) for notice in (1.0, 600.0)]
        row(f"{hours:,.0f} h", *map(ms, added))


def cell(c, workers):
    alone = ms(mean_step(c, workers, 1))
    if workers <= 8:
        return alone
    _, fan = best_tree(c, workers, 1)
    return f"{alone} / {ms(mean_step(c, workers, 1, fan=fan))} ({fan})"


def main():
    options = arguments()
    if options.call is None:
        carried(*check(options.steps))
    else:
        carried(options.call, options.byte)


if __name__ == "__main__":
    main()
