"""Neurenix beside its peers, workload by workload: make bench, or

    python benchmarks/bench.py --peers FOLDER --peaks build/bench/peaks [--quick]

Prints a table, appends every row to a JSON-lines file, and with --document replaces the
table in docs/performance.md. How it measures: docs/performance.md.
"""

import argparse
import json
import os
from pathlib import Path

from harness import alternate, machine, report
from harness.forms import ONE_STEP, OURS, OURS_16, SIXTEEN_STEPS, WHOLE_PROCESS
from harness.peers import Peers

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "performance.md"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--peers", help="the folder of the peers' scripts")
    parser.add_argument("--peaks", help="peaks.cpp, compiled")
    parser.add_argument("--only", help="workloads, such as w1,w5s1")
    parser.add_argument("--quick", action="store_true", help="one form of one peer")
    parser.add_argument("--turns", type=int, help="of each form: 5 quick, else 15")
    parser.add_argument("--seconds", type=float, help="of a turn: 0.3 quick, else 0.5")
    parser.add_argument("--limit", type=float, default=300, help="s, to the first call")
    parser.add_argument("--cores", type=int, help="pin everything to so many cores")
    parser.add_argument("--output", default="bench.jsonl", help="rows are added to it")
    parser.add_argument("--document", action="store_true", help="write the tables")
    return parser.parse_args()


def races(peers, options, turns, seconds):
    """Rows as they are measured."""
    wanted = options.only.split(",") if options.only else None
    shown = slice(1) if options.quick else slice(None)

    def plan(table):
        return [
            (name, forms[shown])
            for name, forms in table.items()
            if wanted is None or name in wanted
        ]

    for table, ours in ((ONE_STEP, OURS), (SIXTEEN_STEPS, OURS_16)):
        for name, forms in plan(table):
            try:
                yield from alternate.steps(
                    peers, name, ours, forms, turns, seconds, options.limit
                )
            except alternate.Failed as failure:
                yield alternate.failure(name, ours, str(failure))
    for name, forms in plan(WHOLE_PROCESS):
        yield from alternate.whole_process(
            peers, name, OURS, forms, min(turns, 7), options.limit
        )


def main():
    options = arguments()
    peers = Peers(options.peers)
    if options.cores:
        allowed = sorted(os.sched_getaffinity(0))[: options.cores]
        os.sched_setaffinity(0, allowed)
    turns = options.turns or (5 if options.quick else 15)
    seconds = options.seconds or (0.3 if options.quick else 0.5)
    before = machine.load()
    peaks = machine.peaks(options.peaks) if options.peaks else None
    rows = []
    with open(options.output, "a", buffering=1) as output:
        for row in races(peers, options, turns, seconds):
            rows.append({**row, "load": machine.load()})
            print(json.dumps(rows[-1]), flush=True)
            output.write(json.dumps(rows[-1]) + "\n")
            if peaks and row["peer"] == OURS.peer:  # a workload is done
                peaks = machine.higher(peaks, machine.peaks(options.peaks))
        if peaks:
            rows = [report.with_floors(row, peaks) for row in rows]
        facts = machine.describe(peers, before)
        output.write(json.dumps({**facts, "peaks": peaks}) + "\n")
    steps = [row for row in rows if row["workload"] not in WHOLE_PROCESS]
    whole = [row for row in rows if row["workload"] in WHOLE_PROCESS]
    header = "\n".join(report.machine_lines(facts, peaks))
    header += f"\n{turns} turns of {seconds} s of each form."
    every = [header, report.table(report.STEP_COLUMNS, steps)]
    every += [report.table(report.WHOLE_COLUMNS, whole)] if whole else []
    print("\n" + "\n\n".join(every))
    if options.document:
        best = report.best_of_each_peer
        text = [header, report.table(report.STEP_COLUMNS, best(steps))]
        if whole:
            text.append(report.table(report.WHOLE_COLUMNS, best(whole)))
        report.put_between(DOCUMENT, "peers", "\n\n".join(text))


if __name__ == "__main__":
    main()
