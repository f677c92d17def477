"""Strategy: who makes a run's meta-steps, and who scores tasks."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import numpy as np

import neurenix as nx
from neurenix.errors import InvalidArgumentError, StepsInterrupted

from ..evaluation.score import Scorer
from ..tasks.batches import Batch
from ..wording import in_words
from .data import Data
from .options import Training
from .position import Trained
from .program import step_of
from .step import Numbers, rows_of

#: A step's numbers by name, and whether these and the update were finite.
Row = tuple[Numbers, bool]


@dataclass(frozen=True)
class Made:
    """What came of a group of batches.

    rows          of each step that was made, in order; the last one is the first that
                  was not finite
    interrupted   what ended the group early, to be raised once the rows are counted
    """

    group: Sequence[Batch]
    rows: Sequence[Row]
    interrupted: BaseException | None = None


class Steps(abc.ABC):
    """Makes the meta-steps of one run: what a learner learns from each batch.

    load   whether its batches are to have their data on this process's device
    """

    load = True

    @abc.abstractmethod
    def over(self, groups: Iterable[list[Batch]]) -> Iterator[Made]:
        """Makes the steps of each group, one group for each that is asked for. When it
        is given, learner, optimizer and generators are as after its last step."""


class Strategy(Scorer, abc.ABC):
    """How training and evaluation are carried out: in this process, or by workers.

    Whichever it is, the loop around the steps, histories, callbacks and checkpoints are
    those of `training/run.py`, and results are the same to the bit.
    """

    @abc.abstractmethod
    def steps(
        self, trained: Trained, data: Data, options: Training
    ) -> AbstractContextManager[Steps]:
        """What makes the meta-steps of a run, while the run lasts."""


class HereSteps(Steps):
    """Meta-steps by one compiled program of this process."""

    def __init__(self, step: nx.Compiled) -> None:
        self.step = step

    def over(self, groups: Iterable[list[Batch]]) -> Iterator[Made]:
        for group in groups:
            yield self._made(group)

    def _made(self, group: list[Batch]) -> Made:
        bucket = group[0].bucket
        if len(group) == 1:
            (loss, metrics), ok = self.step(bucket.read, bucket.data, group[0].picks)
            return Made(group, [({"loss": loss, **metrics}, bool(ok.item()))])
        picks = np.stack([batch.picks for batch in group])
        interrupted = None
        try:
            results = self.step.run_steps(
                bucket.read, bucket.data, picks, in_axes=(None, None, 0)
            )
        except StepsInterrupted as interrupt:
            interrupted, results = interrupt, interrupt.results
        return Made(group, rows_of(*results), interrupted)


class Here(Strategy):
    """Everything in this process: what `meta_learn` and `evaluate` do without a
    strategy."""

    @contextmanager
    def steps(
        self, trained: Trained, data: Data, options: Training
    ) -> Iterator[HereSteps]:
        yield HereSteps(step_of(trained, data, options))


def checked_strategy(strategy: object) -> Strategy:
    """The strategy that was given; without one, this process.

    Raises InvalidArgumentError for anything else."""
    if strategy is None:
        return Here()
    if isinstance(strategy, Strategy):
        return strategy
    raise InvalidArgumentError(
        f"strategy is {in_words(strategy)}; expected a strategy: "
        "neurenix.meta.distributed.RayStrategy(workers=2)"
    )
