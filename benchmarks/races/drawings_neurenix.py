"""A contender: Prototypical Networks or MAML on Omniglot, by Neurenix's public API.

    python drawings_neurenix.py (prototypical | maml) STEPS

Trains STEPS meta-steps a turn, then evaluates on 5-way 1-shot tasks of the test
classes.
"""

import sys

from turns import Clock, answer, one_core, turn

import neurenix as nx
from neurenix import optim
from neurenix.meta import (
    MAML,
    Callback,
    Conv4,
    PrototypicalNetworks,
    TaskSampler,
)
from neurenix.meta.datasets import Omniglot

EVALUATION_TASKS, EVALUATION_QUERIES = 300, 5
SEED = 0


def prototypical():
    """Learner, training episodes (ways, shots, queries), tasks a step."""
    return PrototypicalNetworks(Conv4(batch_norm="running")), (20, 1, 5), 1, {}


def maml():
    network = Conv4(ways=5, downsampling="stride", batch_norm="transductive")
    learner = MAML(network, inner_lr=0.4, inner_steps=1)
    return learner, (5, 1, 1), 32, {"steps": 1}


class Turns(Callback):
    """Between two epochs: stop the clock, evaluate, answer, wait."""

    def __init__(self, tasks, evaluation):
        self.tasks, self.evaluation, self.clock = tasks, evaluation, Clock()

    def on_epoch_end(self, learner, event):
        seconds = self.clock.stop()
        result = learner.evaluate(self.tasks, **self.evaluation)
        answer(
            seconds=seconds,
            steps=event.epoch * event.steps,
            score=100 * result.accuracy,
            batch_norm=result.batch_norm,
            transductive=result.transductive,
        )
        if turn():
            self.clock.start()
        else:
            event.stop()


def main():
    one_core()
    nx.init({"threads": 1})
    nx.manual_seed(SEED)
    method, steps = sys.argv[1], int(sys.argv[2])
    learner, episode, tasks_per_batch, evaluation = globals()[method]()
    train = Omniglot(split="train", rotations=True)
    test = Omniglot(split="test", rotations=True)
    tasks = TaskSampler(
        test, 5, 1, EVALUATION_QUERIES, seed=SEED, tasks=EVALUATION_TASKS
    )
    turns = Turns(tasks, evaluation)
    answer(ready=True)
    if turn():
        turns.clock.start()
        learner.meta_learn(
            TaskSampler(train, *episode, seed=SEED),
            optim.Adam(learner.parameters(), lr=1e-3),
            epochs=1_000_000,
            tasks_per_batch=tasks_per_batch,
            steps_per_epoch=steps,
            callbacks=[turns],
            progress=False,
        )


main()
