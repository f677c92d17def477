"""A contender: MAML on sine waves, 25 tasks and one inner step an update.

    python sine.py PEERS MODULE VARIANT UPDATES

The same weights and tasks for every module: 1,000 batches, then again. UPDATES a turn;
then the mean squared error after one step, on 600 other tasks.
"""

import importlib
import os
import sys

from turns import Clock, answer, one_core, turn

SEED, BATCHES, TEST_TASKS = 7, 1000, 600


def main():
    one_core()
    peers, module, variant, updates = sys.argv[1:]
    sys.path[:0] = [peers, os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
    peer_module = importlib.import_module(module)
    import common
    import numpy as np

    random = np.random.default_rng(SEED)
    w = dict(common.WORKLOADS["w1x25"], name="sine", steps=1)
    params = common.init_params(w, random)
    shots = w["n_support"], w["n_query"]
    batches = [common.sine_tasks(w["tasks"], *shots, random) for _ in range(BATCHES)]
    test = common.sine_tasks(TEST_TASKS, *shots, random)
    peer = peer_module.Peer(w, params, variant or None)
    per_call = getattr(peer, "steps_per_call", 1)
    if hasattr(peer, "load_many"):
        many = [batches[i : i + per_call] for i in range(0, BATCHES, per_call)]
        data = [peer.load_many(group) for group in many]
    else:
        data = [peer.load(batch) for batch in batches]
    clock, done = Clock(), 0
    answer(ready=True)
    while turn():
        clock.start()
        for _ in range(int(updates) // per_call):
            peer.step(data[done // per_call % len(data)])
            done += per_call
        seconds = clock.stop()
        answer(seconds=seconds, steps=done, score=error(peer, test))


def error(peer, test):
    if hasattr(peer, "learner"):  # Neurenix takes a list of tasks
        return peer.evaluate(list(zip(*test)))
    return peer.evaluate(peer.load(test))


main()
