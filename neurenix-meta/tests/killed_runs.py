"""Runs that things happen to between their steps, and the same one in one process."""

import time
from functools import cache

import neurenix as nx
from neurenix import meta, nn
from neurenix.settings import current_device


def trained(strategy=None, callbacks=(), epochs=3, width=64, inner_steps=10, **options):
    """A learner after four steps an epoch, which take long enough to be killed in."""
    nx.manual_seed(7)
    learner = meta.MAML(meta.MLP([1, width, width, 1]), inner_steps=inner_steps)
    tasks = meta.generate_regression_tasks(32, 100, seed=0)
    history = learner.meta_learn(
        tasks,
        epochs=epochs,
        tasks_per_batch=8,
        progress=False,
        strategy=strategy,
        callbacks=callbacks,
        **options,
    )
    values = {name: x.numpy().tobytes() for name, x in learner.state_dict().items()}
    return values, history["loss"]


def alone(epochs=3, **network):
    """The same in this process: once on each device, as their last bits differ."""
    return _alone(str(current_device()), epochs, **network)


@cache
def _alone(device, epochs, **network):
    return trained(epochs=epochs, **network)


# 365 kB of parameters: they go by the nodes' object stores, and smaller ones do not.
WIDE = {"width": 300, "inner_steps": 3}


class Doing(meta.Callback):
    """Does things between steps, by the number of the step that is done, and knows how
    long a step takes."""

    def __init__(self, by_step):
        self.by_step = by_step
        self.seconds = 0.0
        self._last = time.monotonic()

    @property
    def half_a_step(self):
        """Seconds to the middle of the next one, if it is no longer than usual."""
        return min(self.seconds, 0.5) / 2

    def on_step_end(self, learner, event):
        now = time.monotonic()
        self.seconds, self._last = now - self._last, now
        if event.total in self.by_step:
            self.by_step[event.total](self)
            self._last = time.monotonic()


class OfAModule(nn.Linear):
    """A network that is found by its name, in this file, which workers have not."""

    def __init__(self):
        super().__init__(1, 1)
