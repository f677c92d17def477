"""One peer on one case, in a process of its own: `python peer.py FILE FORM SECONDS`.

FILE (.npz) has the case's batches and first weights; FORM is `jax`, `torch-eager` or
`torch-reduce`. It prints one line of JSON: the losses of the first steps, the first
call's seconds, and the best and the median step's milliseconds, each step waited for.
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


def main():
    file, form, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    case, weights, batches = read(file)
    module, _, mode = form.partition("-")
    # a folder of its own comes first on the path: not the libraries of that name
    peer = importlib.import_module(f"peer_{module}").Peer(case, weights, mode)
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
    print(
        json.dumps(
            {
                "device": peer.device,
                "losses": losses,
                "first_s": first,
                "best_ms": min(times),
                "median_ms": float(np.median(times)),
            }
        )
    )


main()
