"""One form of one workload, in the peer's own interpreter.

    python worker.py PEERS MODULE WORKLOAD VARIANT (blocks | whole)

"blocks": says on standard output, as a JSON line, what the first call took; then for
each line "SECONDS" on standard input it steps that long and answers with the times.
"whole": w7, the quick start, and what it learned.
"""

import importlib
import json
import os
import sys
import time

scripts, module, workload, variant, mode = sys.argv[1:]
sys.path[:0] = [scripts, os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
# What a peer prints must not come between the answers.
answers, sys.stdout = sys.stdout, sys.stderr


def answer(**values):
    answers.write(json.dumps(values) + "\n")
    answers.flush()


def compulsory_bytes(w, params, batch):
    """What a step must read and write however it is done: the weights, Adam's two
    moments, and the batch."""
    weights = sum(p.nbytes for p in params)
    copies = 1 if w["algo"] == "reptile" else 3
    return 2 * copies * weights + sum(a.nbytes for a in batch)


def step_blocks(peer_module):
    import common
    import numpy as np

    w, params, batches = common.load(workload)
    start = time.perf_counter()
    peer = peer_module.Peer(w, params, variant or None)
    if hasattr(peer, "load_many"):  # one call does several steps, each on a batch
        data = [peer.load_many(batches)]
    else:
        data = [peer.load(b) for b in batches]
    build = time.perf_counter() - start
    start = time.perf_counter()
    value = peer.step(data[0])
    first = time.perf_counter() - start
    steps = getattr(peer, "steps_per_call", 1)
    losses = [peer.loss(value)]
    losses += [peer.loss(peer.step(data[i % len(data)])) for i in (1, 2)]
    answer(
        build_s=build,
        first_s=first,
        losses=losses,
        steps_per_call=steps,
        operations=common.flops(w),
        bytes=compulsory_bytes(w, params, batches[0]),
    )
    number = 3
    for line in sys.stdin:
        times, end = [], time.perf_counter() + float(line)
        while time.perf_counter() < end or len(times) < 3:
            start = time.perf_counter()
            peer.step(data[number % len(data)])
            times.append(time.perf_counter() - start)
            number += 1
        ms = np.array(times) * 1e3 / steps
        answer(
            median_ms=float(np.median(ms)),
            best_ms=float(ms.min()),
            calls=len(times),
            memory_mb=common.peak_rss_mb(),
        )


def main():
    start = time.perf_counter()
    peer_module = importlib.import_module(module)
    answer(import_s=time.perf_counter() - start)
    if mode == "blocks":
        step_blocks(peer_module)
    else:
        import common

        result = common.quick_start(peer_module, variant or None)
        answer(memory_mb=common.peak_rss_mb(), **result)


main()
