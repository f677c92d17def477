"""Neurenix: a user's module in MAML, the meta-step compiled. `threads1`: one thread."""

import re

import common

import neurenix as nx
from neurenix import nn, optim
from neurenix.meta import MAML, Episode


class Network(nn.Module):
    """The recurrent part of a workload, and a head on its last state."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        if kind in ("lstm", "gru"):
            layer = nn.LSTM if kind == "lstm" else nn.GRU
            self.layer = layer(common.INPUTS, common.HIDDEN, batch_first=True)
        else:
            self.given = nn.Linear(common.INPUTS, common.HIDDEN, bias=False)
            self.recurrent = nn.Linear(common.HIDDEN, common.HIDDEN)
        self.head = nn.Linear(common.HIDDEN, 1)

    def forward(self, x):
        return self.head(self.last_state(x))

    def last_state(self, x):
        if self.kind == "lstm":
            return self.layer(x)[1][0][0]
        if self.kind == "gru":
            return self.layer(x)[1][0]
        given = self.given(x)
        if self.kind == "loop":
            step = lambda h, _: (h + nx.tanh(self.recurrent(h)) / common.LENGTH, None)  # noqa: E731
            return nx.scan(step, given, length=common.LENGTH)[0]
        h = nx.zeros(x.shape[0], common.HIDDEN)
        if self.kind == "unrolled":
            for t in range(common.LENGTH):
                h = nx.tanh(given[:, t] + self.recurrent(h))
            return h
        step = lambda h, g: (nx.tanh(g + self.recurrent(h)), None)  # noqa: E731
        return nx.scan(step, h, nx.moveaxis(given, 1, 0))[0]


class Peer:
    def __init__(self, w, weights, variant=None):
        words = dict(re.findall(r"([a-z]+)(\d+)", variant or ""))
        nx.init({"device": "cpu"} | {k: int(n) for k, n in words.items()})
        net = Network(w["kind"])
        for parameter, array in zip(net.parameters(), weights, strict=True):
            parameter.assign(array.T if array.ndim == 2 else array)
        learner = MAML(net, inner_lr=w["ilr"], inner_steps=w["steps"])
        parameters = dict(learner.named_parameters())
        optimizer = optim.Adam(parameters.values(), lr=w["mlr"])

        def step(*tasks):
            values = learner.learned()

            def one(*task):
                outcome, gradient = learner.task_gradient(values, Episode(*task, None))
                return outcome.loss, gradient

            with nx.no_grad():
                loss, gradient = nx.map(one, reduce="mean")(*tasks)
                optimizer.step([gradient[name] for name in parameters])
            return loss

        self.step_tasks = nx.compile(step, state=[learner, optimizer])

    def load(self, batch):
        return tuple(map(nx.tensor, batch))

    def step(self, batch):
        return self.step_tasks(*batch)

    def loss(self, value):
        return value.item()
