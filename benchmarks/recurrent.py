"""Recurrent networks and loops in second-order MAML, Neurenix beside JAX.

    PEERS_HOME=folder python benchmarks/recurrent.py [--only lstm-s1x4] [--quick]

`$PEERS_HOME/.venv-jax` has JAX; without it, Neurenix is measured alone. The workloads
are stated in recurrence/common.py; how turns are taken: docs/performance.md. Prints the
rows, and a table of the best of JAX's forms for each workload.
"""

import argparse
import json
import os
import sys

from harness import alternate, report
from harness.forms import Form
from harness.peers import BENCHMARKS, Peers

SCRIPTS = BENCHMARKS / "recurrence"
sys.path.insert(0, str(SCRIPTS))
import common  # noqa: E402

QUICK = [f"{kind}-s1x4" for kind in common.GATES]
VARIANTS = ["vmap-sync", "map-sync"]  # others: docs/performance.md


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", help="workloads, such as lstm-s1x4,gru-s1x4")
    parser.add_argument("--forms", help="of JAX, such as vmap-sync,vmap-unroll5-sync")
    parser.add_argument("--quick", action="store_true", help="4 tasks, one inner step")
    parser.add_argument("--turns", type=int, default=7, help="of each form")
    parser.add_argument("--seconds", type=float, default=0.3, help="of a turn")
    parser.add_argument("--limit", type=float, default=300, help="s, to the first call")
    parser.add_argument("--cores", type=int, help="pin everything to so many cores")
    parser.add_argument("--output", help="a file that rows are added to")
    return parser.parse_args()


def main():
    options = arguments()
    if options.cores:
        allowed = sorted(os.sched_getaffinity(0))[: options.cores]
        os.sched_setaffinity(0, allowed)
    ours = Form("neurenix", "", "recurrence_neurenix")
    variants = options.forms.split(",") if options.forms else VARIANTS
    theirs = [Form("jax", "jax", "recurrence_jax", v) for v in variants]
    every = QUICK if options.quick else common.WORKLOADS
    wanted = options.only.split(",") if options.only else every
    peers, rows = Peers(str(SCRIPTS)), []
    for name in wanted:
        for row in alternate.steps(
            peers, name, ours, theirs, options.turns, options.seconds, options.limit
        ):
            rows.append(row)
            print(json.dumps(row), flush=True)
            if options.output:
                with open(options.output, "a") as output:
                    output.write(json.dumps(row) + "\n")
    print("\n" + report.table(report.STEP_COLUMNS, report.best_of_each_peer(rows)))


if __name__ == "__main__":
    main()
