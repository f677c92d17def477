"""Steps of one process and of 1, 2 and 4 workers, on this machine."""

import os
import time
from dataclasses import dataclass

import numpy as np
import ray
from numpy.typing import NDArray

import neurenix as nx
from neurenix.meta import MAML, MLP, Callback, generate_regression_tasks
from neurenix.meta.distributed import RayStrategy

from .costs import Costs

# Widths of the two hidden layers; the parameters that come of them.
WIDTHS = (40, 300, 700)
WORKERS = (1, 2, 4)


@dataclass(frozen=True)
class Step:
    """The best of many steps, in seconds; workers=0 is one process without Ray."""

    parameters: int
    workers: int
    tasks: int
    seconds: float


class Clock(Callback):
    """The time between steps."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_step_end(self, learner: MAML, event: object) -> None:
        self.times.append(time.perf_counter())


def step_of(
    width: int, tasks: int, strategy: RayStrategy | None, steps: int
) -> tuple[int, float]:
    """Parameters, and the least time of a step with so many tasks."""
    nx.manual_seed(0)
    learner, clock = MAML(MLP([1, width, width, 1]), inner_steps=1), Clock()
    learner.meta_learn(
        generate_regression_tasks(tasks, 10, seed=0),
        epochs=steps,
        tasks_per_batch=tasks,
        callbacks=[clock],
        progress=False,
        strategy=strategy,
    )
    count = sum(p.numpy().size for p in learner.parameters())
    return count, float(np.diff(clock.times)[2:].min())


def measured(steps: int = 60) -> list[Step]:
    """One and four tasks a worker, each width, each number of workers."""
    nx.init({"threads": 1})
    found = []
    for width in WIDTHS:
        for tasks in (1, 4, 16):
            count, seconds = step_of(width, tasks, None, steps)
            found.append(Step(count, 0, tasks, seconds))
    # More workers than cores, too: Ray takes the number that it is told.
    ray.init("local", num_cpus=max(WORKERS), include_dashboard=False)
    for workers in WORKERS:
        with RayStrategy(workers) as strategy:
            for width in WIDTHS:
                for each in (1, 4):
                    tasks = each * workers
                    count, seconds = step_of(width, tasks, strategy, steps)
                    found.append(Step(count, workers, tasks, seconds))
    ray.shutdown()
    return found


def fitted(steps: list[Step]) -> dict[int, Costs]:
    """The costs for each number of parameters: work from one process, what is added by
    Ray from the smallest shares."""
    task, fixed = {}, {}
    for count in {s.parameters for s in steps}:
        alone = [s for s in steps if s.parameters == count and not s.workers]
        task[count], fixed[count] = _line(
            [s.tasks for s in alone], [s.seconds for s in alone]
        )
    # Beyond the work: once + workers * call + bytes * (1 + workers) * byte.
    rows, beyond = [], []
    for s in steps:
        if s.workers and s.tasks == s.workers:
            rows.append([1.0, s.workers, 4 * s.parameters * (1 + s.workers)])
            work = fixed[s.parameters] + task[s.parameters] * rounds(s)
            beyond.append(s.seconds - work)
    once, call, byte = _positive(np.array(rows), np.array(beyond))
    return {
        count: Costs(
            task=task[count],
            update=fixed[count] + once,
            call=call,
            byte=byte,
            size=4 * count,
            card=float("inf"),  # within one machine
            latency=0.0,
            spread=0.0,
        )
        for count in sorted(task)
    }


def added(costs: Costs, s: Step) -> float:
    """What asking a step's workers and hearing from them takes, within one machine. It
    does not overlap with their work, which has the same cores."""
    buffers = (1 + s.workers) * costs.size
    return s.workers * costs.call + buffers * costs.byte


def rounds(s: Step) -> float:
    """Tasks that a core does one after the other in a step."""
    cores = len(os.sched_getaffinity(0))
    return s.tasks / min(s.workers, cores)


def _line(x: list[float], y: list[float]) -> tuple[float, float]:
    slope, begin = np.polyfit(x, y, 1)
    return float(slope), max(0.0, float(begin))


def _positive(a: NDArray[np.float64], b: NDArray[np.float64]) -> list[float]:
    """The least squares of the relative errors, with no cost below nothing: a cost that
    would be is left out."""
    weights = 1 / np.abs(b).clip(1e-5)
    kept = list(range(a.shape[1]))
    while True:
        x = np.linalg.lstsq(a[:, kept] * weights[:, None], b * weights, rcond=None)[0]
        if (x >= 0).all():
            break
        kept.pop(int(x.argmin()))
    found = [0.0] * a.shape[1]
    for where, value in zip(kept, x):
        found[where] = float(value)
    return found
