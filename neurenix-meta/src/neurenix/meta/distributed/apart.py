"""Steps apart: each worker makes several meta-steps by itself, then all meet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np

from neurenix.errors import InvalidArgumentError

from ..tasks.batches import Batch
from ..training.data import Data
from ..training.options import Training
from ..training.position import Trained
from ..training.strategy import Made, Row, Steps
from .crew import Job
from .flat import Bytes, Layout
from .messages import Apart, Share, Way
from .shares import divided
from .told import Told


class StepsApart(Steps):
    """Rounds of meta-steps: each of `workers` shares of a batch is learned from alone,
    `apart` batches long, and where these lead is averaged, weighted by their tasks:
    parameters, buffers, and the optimizer's state.

    Of one share that is what one process does, to the bit. Of several it is another
    algorithm, whose results depend on their number; not on who does them.
    """

    load = False

    def __init__(
        self,
        told: Told,
        trained: Trained,
        data: Data,
        options: Training,
        apart: int,
        workers: int,
    ) -> None:
        check_may_step_apart(trained)
        self.told = told
        self.crew = told.crew
        self.apart = apart
        self.workers = workers
        self.trained = trained
        self.source = data.source
        told.tasks(data.source)  # what cannot be sent is refused before all else
        self.way = Way(options.chunk, options.limit, options.compile)
        # A run goes on only as it began.
        trained.tasks["steps_apart"] = f"{apart} steps of {workers} workers"

    def over(self, groups: Iterable[list[Batch]]) -> Iterator[Made]:
        batches = chain.from_iterable(groups)
        while group := [batch for _, batch in zip(range(self.apart), batches)]:
            yield Made(group, self._rows(group))

    def _rows(self, group: Sequence[Batch]) -> list[Row]:
        """One round: the numbers of each of its steps."""
        # Workers may have forgotten these over what they were told since.
        learner = self.told.learner(self.trained.method, self.trained.optimizer)
        tasks = self.told.tasks(self.source)
        state = self.crew.put(learner.state())
        shares = shares_of(group, self.workers)
        known = learner.name, state, self.way.now(), tasks
        jobs = [
            Job("steps_apart", (*known, share), number)
            for number, share in enumerate(shares)
        ]
        found: dict[int, Apart] = dict(self.crew.results(jobs))
        ends = [found[number] for number in range(len(shares))]
        sizes = [[len(step.numbers) for step in share] for share in shares]
        for step in range(len(group)):
            if not all(end.rows[step][1] for end in ends):
                # Nothing of the round is kept: it is as if its first step had failed.
                return [(_means(ends, sizes, step), False)]
        moving = learner.moving
        weights = [sum(counts) for counts in sizes]
        moving.write(averaged(moving.layout, [end.state for end in ends], weights))
        learner.own_step_done()
        return [(_means(ends, sizes, step), True) for step in range(len(group))]


def check_may_step_apart(trained: Trained) -> None:
    """Refuses methods of which no mean of several steps can be taken."""
    if not trained.method.may_step_apart:
        raise InvalidArgumentError(
            f"steps_apart: {type(trained.method).__name__} needs the gradient of a "
            "whole batch in each step; Reptile may step apart, and methods of yours "
            "with may_step_apart = True"
        )


def shares_of(group: Sequence[Batch], workers: int) -> list[list[Share]]:
    """Each worker's part of each batch; as many workers as have a task in every one."""
    count = min(workers, *(len(divided(len(batch), workers)) for batch in group))
    shares: list[list[Share]] = [[] for _ in range(count)]
    for batch in group:
        for mine, blocks in zip(shares, divided(len(batch), count), strict=True):
            first, stop = blocks[0].first, blocks[-1].stop
            mine.append(Share(batch.numbers[first:stop], first))
    return shares


def averaged(layout: Layout, states: Sequence[Bytes], weights: Sequence[int]) -> Bytes:
    """The weighted mean of states, computed in float64; of whole numbers, which count
    steps and draws, that of the first."""
    parts = []
    for columns in zip(*(layout.divided(state) for state in states), strict=True):
        first = columns[0]
        if not np.issubdtype(first.dtype, np.floating):
            parts.append(first)
            continue
        total = np.zeros(first.shape, np.float64)
        for weight, column in zip(weights, columns, strict=True):
            total += weight * column.astype(np.float64)
        parts.append((total / sum(weights)).astype(first.dtype))
    return layout.joined(parts)


def _means(
    ends: Sequence[Apart], sizes: Sequence[Sequence[int]], step: int
) -> dict[str, float]:
    """A step's numbers, means over all its tasks."""
    weights = [counts[step] for counts in sizes]
    return {
        name: sum(
            weight * end.rows[step][0][name]
            for weight, end in zip(weights, ends, strict=True)
        )
        / sum(weights)
        for name in ends[0].rows[step][0]
    }
