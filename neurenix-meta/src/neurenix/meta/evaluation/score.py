"""Scoring: a method adapted to each task of a source, and judged on its queries."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

import neurenix as nx
from neurenix.errors import InvalidArgumentError
from neurenix.nn.modes import mode

from ..memory import largest_calls, planned
from ..method import Method
from ..models import batch_norm
from ..returned import scores_from
from ..tasks.batches import EpisodeOfApartQueries, Read, Source
from .calibration import CONFIDENCE
from .result import Evaluation

# Tasks a call of the compiled program: enough to keep all cores busy.
TASKS_PER_CALL = 32


@dataclass(frozen=True)
class ScoresKey:
    """Which program scores: after how many steps, so many tasks at once, and whether
    each query is apart from the others."""

    steps: int
    chunk: int
    apart: bool


class Scorer:
    """Who scores the tasks of a source: this process, unless a subclass knows others.
    Scores are the same to the bit whoever makes them."""

    def scores(
        self, method: Method, source: Source, key: ScoresKey, limit: int | None
    ) -> dict[str, NDArray[np.float64]]:
        """Every task's scores by name, in the order of the tasks."""
        with mode(method, training=False):
            program = scoring_program(method, source, key.steps, limit, key.apart)
            return scores_of(program, source)


def check_transductive(method: Method, transductive: object) -> None:
    """Refuse what `evaluate(transductive=...)` cannot be for this network."""
    if transductive not in (None, True, False, "both"):
        raise InvalidArgumentError(
            f"transductive={transductive!r}; expected None, True, False or 'both'"
        )
    if transductive is True and not batch_norm.depends_on_batch(method):
        raise InvalidArgumentError(
            "transductive=True, but no prediction of this network depends on other "
            "queries; batch norm in mode 'transductive' makes it so"
        )


def evaluated(
    method: Method,
    source: Source,
    steps: int,
    limit: int | None = None,
    transductive: object = None,
    scorer: Scorer | None = None,
) -> Evaluation:
    """The evaluation on all tasks of a source; `transductive` as of `evaluate`.

    limit    bytes that a program may take; None: any
    scorer   who scores; None: this process
    """
    scorer = scorer or Scorer()
    depends = batch_norm.depends_on_batch(method)
    apart = depends and transductive is False
    result = _one_evaluation(method, source, steps, limit, apart, scorer)
    if transductive == "both" and depends:
        beside = _one_evaluation(method, source, steps, limit, True, scorer)
        result = replace(result, beside=beside)
    return result


def _one_evaluation(
    method: Method,
    source: Source,
    steps: int,
    limit: int | None,
    apart: bool,
    scorer: Scorer,
) -> Evaluation:
    scores = scorer.scores(method, source, ScoresKey(steps, 0, apart), limit)
    confidence = scores.pop(CONFIDENCE, None)
    norm = "support and the query" if apart else batch_norm.mode_of(method)
    transductive = batch_norm.depends_on_batch(method) and not apart
    key = json.dumps(source.description(), sort_keys=True)
    return Evaluation(scores, norm, transductive, confidence, key)


def scoring_program(
    method: Method,
    source: Source,
    steps: int,
    limit: int | None = None,
    apart: bool = False,
) -> nx.Compiled:
    """What scores a batch of tasks, within the limit if there is one."""

    def make(chunk: int) -> nx.Compiled:
        key = ScoresKey(steps, chunk, apart)
        return method.compiled(key, partial(scoring, method, key))

    if limit is None:
        return make(0)
    size = tasks_per_call(source)
    program, plan = planned(limit, size, make, largest_calls(source, size))
    method.programs.plans["evaluate"] = plan
    return program


def scoring(method: Method, key: ScoresKey) -> nx.Compiled:
    """The compiled function of a batch of tasks: scores by name, [tasks, steps + 1].
    `first` is the number of the first task within the batch that draws are made for."""

    def score(
        read: Read,
        data: Sequence[nx.Tensor],
        picks: nx.Tensor,
        first: nx.Tensor | int = 0,
    ) -> dict[str, nx.Tensor]:
        parameters = method.learned()

        def one(pick: nx.Tensor) -> dict[str, nx.Tensor]:
            task = read(data, pick)
            if key.apart:
                task = EpisodeOfApartQueries(*task)
            scores = method.task_scores(parameters, task, key.steps)
            return scores_from(method, scores, key.steps)

        with nx.no_grad():
            scores: dict[str, nx.Tensor] = nx.map(one, chunk=key.chunk, first=first)(
                picks
            )
            return scores

    return nx.compile(score, state=[method, nx.random.default_generator])


def scores_of(program: nx.Compiled, source: Source) -> dict[str, NDArray[np.float64]]:
    """Every task's scores, in the order of the tasks."""
    scores: dict[str, NDArray[np.float64]] = {}
    size = tasks_per_call(source)
    for batch in source.epoch(size):
        count = len(batch.picks)
        # A last batch is filled up with its first task: one program serves all.
        picks = np.concatenate([batch.picks, batch.picks[:1].repeat(size - count, 0)])
        rows = program(batch.bucket.read, batch.bucket.data, picks)
        for name, tensor in rows.items():
            values = tensor.numpy()[:count].astype(np.float64)
            if name not in scores:
                scores[name] = np.full((len(source), *values.shape[1:]), math.nan)
            scores[name][batch.numbers] = values
    return scores


def tasks_per_call(source: Source) -> int:
    """How many tasks a call of the program has."""
    return min(TASKS_PER_CALL, source.largest_batch or TASKS_PER_CALL)
