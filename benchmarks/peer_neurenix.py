"""Neurenix, as the peers' runner calls it: by the public API only.

A meta-step is what a user writes who has a loop of their own: `learner.task_gradient`
mapped over the tasks, the optimizer's step, all in one `nx.compile`. The quick start
(w7) goes through `meta_learn` and `evaluate`. The variant is words joined by '-':
   threads1   so many threads; without it, all cores
   steps16    16 steps a call, each with a batch of its own, which here are 16 copies of
              one: JAX's scan16 takes all its steps on the one batch, and so the losses
              can be compared (the 2nd and 3rd are those of steps 17 and 33)
"""

import re
import sys

import common
import numpy as np

import neurenix as nx
from neurenix import optim
from neurenix.meta import MAML, MLP, Conv4, Episode, PrototypicalNetworks, Reptile


def network(w, params):
    """The workload's network with the given weights."""
    if w["model"] == "mlp":
        net = MLP(w["sizes"])
    else:
        net = Conv4(
            hidden=w["channels"],
            ways=w["head"] or None,
            downsampling="stride" if w["stride"] == 2 else "pool",
            batch_norm="transductive",
        )
    for parameter, array in zip(net.parameters(), params, strict=True):
        # Dense weights come as [in, out]; nn.Linear has [out, in].
        parameter.assign(array.T if array.ndim == 2 else array)
    return net


def learner_of(w, net):
    if w["algo"] == "proto":
        return PrototypicalNetworks(net)
    settings = {"inner_lr": w["ilr"], "inner_steps": w["steps"]}
    if w["algo"] == "reptile":
        return Reptile(net, **settings)
    return MAML(net, first_order=w["order"] == 1, **settings)


class Peer:
    def __init__(self, w, params, variant=None):
        words = dict(re.findall(r"([a-z]+)(\d+)", variant or ""))
        threads = {"threads": int(words["threads"])} if "threads" in words else {}
        nx.init({"device": "cpu"} | threads)
        self.steps_per_call = steps = int(words.get("steps", 1))
        self.learner = learner = learner_of(w, network(w, params))
        parameters = dict(learner.named_parameters())
        if w["algo"] == "reptile":
            optimizer = optim.SGD(parameters.values(), lr=common.META_STEP_REPTILE)
        else:
            optimizer = optim.Adam(parameters.values(), lr=w["mlr"])
        ways = w.get("ways")

        def step(*tasks):
            values = learner.learned()

            def one(*task):
                outcome, gradient = learner.task_gradient(values, Episode(*task, ways))
                return outcome.loss, gradient

            with nx.no_grad():
                loss, gradient = nx.map(one, reduce="mean")(*tasks)
                optimizer.step([gradient[name] for name in parameters])
            return loss

        compiled = nx.compile(step, state=[learner, optimizer])
        if w["name"] == "w7":
            self.load = lambda batch: list(zip(*batch, strict=True))
            self.step = lambda tasks: learner.meta_learn(
                tasks, optimizer, tasks_per_batch=len(tasks), progress=False
            )["loss"][0]
            self.loss = float
        elif steps > 1:
            self.load = lambda batch: [
                nx.tensor(np.stack([array] * steps)) for array in batch
            ]
            self.step = lambda batch: compiled.run_steps(*batch)
            self.loss = lambda losses: losses[0].item()
        else:
            self.load = lambda batch: tuple(map(nx.tensor, batch))
            self.step = lambda batch: compiled(*batch)
            self.loss = nx.Tensor.item

    def evaluate(self, tasks):
        return self.learner.evaluate(tasks).mean("loss")


if __name__ == "__main__":
    common.main_quick_start(sys.modules[__name__])
