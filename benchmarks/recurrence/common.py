"""The recurrent workloads: seeded weights and data, the same for every form.

A name such as `lstm-s5x16` is a network, the inner steps and the tasks of a batch. Each
task has 10 support and 10 query sequences of 20 steps of 4 values; the network's last
state goes through a linear head, and the loss is the mean squared error. Second-order
MAML as in the peers' w1: inner SGD, the mean query loss over tasks, Adam on it.

    lstm, gru   one layer of 32 units, weights and biases as nn.LSTM's and nn.GRU's
    rnn         h ← tanh(x W + h V + b), 32 units
    unrolled    the same as a Python loop over the 20 steps
    loop        a loop over a small body: h ← h + tanh(h V + b) / 20, 32 units, from x W
                (Euler steps of a neural differential equation; x is the first value)

Weights are [in, out].
"""

import re

import numpy as np

ADAM = {"b1": 0.9, "b2": 0.999, "eps": 1e-8}
HIDDEN, INPUTS, LENGTH, EXAMPLES, BATCHES = 32, 4, 20, 10, 8
GATES = {"lstm": 4, "gru": 3, "rnn": 1, "unrolled": 1, "loop": 1}
WORKLOADS = [f"{k}-s{s}x{t}" for k in GATES for s in (1, 5) for t in (4, 16)]


def load(name):
    """(workload, weights, batches of (xs, ys, xq, yq))."""
    kind, steps, tasks = re.fullmatch(r"(\w+)-s(\d+)x(\d+)", name).groups()
    w = {"name": name, "kind": kind, "steps": int(steps), "tasks": int(tasks)}
    w |= {"ilr": 0.01, "mlr": 1e-3, "algo": "maml"}
    rng = np.random.default_rng(7)
    gates = GATES[kind] * HIDDEN
    shapes = [(INPUTS, gates), (HIDDEN, gates), (gates,)]
    shapes += [(gates,)] if kind in ("lstm", "gru") else []
    shapes += [(HIDDEN, 1), (1,)]
    bound = HIDDEN**-0.5
    weights = [rng.uniform(-bound, bound, s).astype(np.float32) for s in shapes]

    def batch():
        tasks, each = w["tasks"], 2 * EXAMPLES
        shape = (tasks, each, LENGTH, INPUTS)
        x = rng.standard_normal(shape).cumsum(2) / 4
        mix = rng.standard_normal((tasks, 1, 1, INPUTS))
        y = np.tanh((x * mix).mean((2, 3)))[..., None]
        x, y = x.astype(np.float32), y.astype(np.float32)
        x = x[:, :, 0] if kind == "loop" else x
        return x[:, :EXAMPLES], y[:, :EXAMPLES], x[:, EXAMPLES:], y[:, EXAMPLES:]

    return w, weights, [batch() for _ in range(BATCHES)]


def flops(w):
    """Multiply-adds (x2) of the products that a step cannot do without, counted as the
    peers' common.py does: a gradient is three products for each of the forward pass
    (two where the input is data), a Hessian-vector product twice that."""
    gates = GATES[w["kind"]] * HIDDEN
    rows = EXAMPLES * LENGTH
    given = 2 * (EXAMPLES if w["kind"] == "loop" else rows) * INPUTS * gates
    recurrent = 2 * rows * HIDDEN * gates + 2 * EXAMPLES * HIDDEN
    gradient, curved = 2 * given + 3 * recurrent, 2 * given + 6 * recurrent
    return w["tasks"] * (w["steps"] * (gradient + curved) + gradient)


def peak_rss_mb():
    with open("/proc/self/status") as lines:
        for line in lines:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return 0.0
