"""A contender: Prototypical Networks or MAML on Omniglot, by Neurenix's public API.

    python drawings_neurenix.py (prototypical | maml) STEPS

Trains STEPS meta-steps a turn, then evaluates on 5-way 1-shot tasks of the test
classes.
"""

import sys

from turns import Clock, answer, one_core, seed, turn

import neurenix as nx
from neurenix.meta import Callback, TaskSampler, recipes

EVALUATION_TASKS, EVALUATION_QUERIES = 300, 5
SEED = seed()


def prototypical(data):
    return recipes.prototypical_networks_omniglot(
        5, 1, train_ways=20, decay="none", seed=SEED, data=data
    )


def maml(data):
    """With learn2learn's settings: a rate of 0.4 of the mean loss, one step in test."""
    return recipes.maml_omniglot(
        5, 1, inner_lr=0.4, evaluation_steps=1, seed=SEED, data=data
    )


class Turns(Callback):
    """Between two epochs: stop the clock, evaluate, answer, wait."""

    def __init__(self, recipe, tasks):
        self.recipe, self.tasks, self.clock = recipe, tasks, Clock()

    def on_epoch_end(self, learner, event):
        seconds = self.clock.stop()
        result = self.recipe.test(self.tasks)
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
    data = recipes.omniglot()
    recipe = {"prototypical": prototypical, "maml": maml}[method](data)
    tasks = TaskSampler(
        data["test"], 5, 1, EVALUATION_QUERIES, seed=0, tasks=EVALUATION_TASKS
    )
    turns = Turns(recipe, tasks)
    answer(ready=True)
    if turn():
        turns.clock.start()
        recipe.train(
            epochs=1_000_000,
            steps_per_epoch=steps,
            validation=None,
            callbacks=[turns],
            progress=False,
        )


main()
