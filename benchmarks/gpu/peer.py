"""One peer, in a process of its own: `python peer.py FORM`, with a line of "FILE
SECONDS" on its input for each case.

FILE (.npz) has the case's batches and first weights; FORM is `jax`, `jax-im2col`,
`torch-eager` or `torch-reduce`. It answers with a line of JSON.
"""

import importlib
import json
import sys
from time import perf_counter

import numpy as np


def read(file):
    """What a case is, its weights in the network's order, and its batches."""
    with np.load(file) as held:
        case = json.loads(str(held["case"]))
        weights = [held[f"weight{i}"] for i in range(case["weights"])]
        batches = [
            [held[f"batch{i}_{part}"] for part in range(4)]
            for i in range(case["batches"])
        ]
    return case, weights, batches


def measured(peer, batches, seconds):
    """The losses of the first steps, the first call's seconds, and the best and the
    median step in milliseconds, each step waited for."""
    data = [peer.load(batch) for batch in batches]
    start = perf_counter()
    losses = [peer.step(data[0])]
    first = perf_counter() - start
    losses += [peer.step(batch) for batch in data[1:]]
    times, end = [], perf_counter() + seconds
    while len(times) < 5 or perf_counter() < end:
        start = perf_counter()
        peer.step(data[len(times) % len(data)])
        times.append(1e3 * (perf_counter() - start))
    return {
        "device": peer.device,
        "losses": losses,
        "first_s": first,
        "best_ms": min(times),
        "median_ms": float(np.median(times)),
    }


def main():
    module, _, mode = sys.argv[1].partition("-")
    # what libraries print themselves goes elsewhere
    answers, sys.stdout = sys.stdout, sys.stderr
    # a folder of its own comes first on the path: not the libraries of that name
    make = importlib.import_module(f"peer_{module}").Peer
    for line in sys.stdin:
        file, seconds = line.rsplit(" ", 1)
        case, weights, batches = read(file)
        told = measured(make(case, weights, mode), batches, float(seconds))
        print(json.dumps(told), file=answers, flush=True)


if __name__ == "__main__":
    main()
