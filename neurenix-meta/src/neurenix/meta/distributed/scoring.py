"""Scores by a crew: the tasks of a source in units, each scored by some worker."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neurenix import dispatch

from ..evaluation.score import ScoresKey, tasks_per_call
from ..method import Method
from ..tasks.batches import Source
from .crew import Job
from .messages import Scored, Unit, Way
from .told import Told

# So many units a worker, if there are tasks enough, even out how long each takes.
_UNITS_A_WORKER = 4


def scores_by(
    told: Told, method: Method, source: Source, key: ScoresKey, limit: int | None
) -> dict[str, NDArray[np.float64]]:
    """Every task's scores by name, in the order of the tasks."""
    crew = told.crew
    learner, tasks = told.learner(method), told.tasks(source)
    state = crew.put(learner.state())
    places = learner.moving.places()
    way = Way(limit=limit, compile=not dispatch.eagerly()).now()
    units = units_of(source, crew.size)
    jobs = [
        Job("scores", (learner.name, state, way, tasks, unit, key), number)
        for number, unit in enumerate(units)
    ]
    scores: dict[str, NDArray[np.float64]] = {}
    streams: set[int] = set()
    scored: Scored
    for number, scored in crew.results(jobs):
        streams.update(scored.drawn)
        if limit is not None and scored.plan is not None:
            method.programs.plans["evaluate"] = scored.plan
        for name, values in scored.scores.items():
            if name not in scores:
                shape = (len(source), *values.shape[1:])
                scores[name] = np.full(shape, math.nan)
            scores[name][units[number].numbers] = values
    calls = 1 + max(unit.call for unit in units)
    for number in streams:
        place = np.asarray(places[number] + calls, np.uint32)
        learner.moving.streams[number].step.assign(place)
    return scores


def units_of(source: Source, workers: int) -> list[Unit]:
    """The tasks in units: the calls that one process makes, or equal parts of them
    where these are few for so many workers."""
    whole = tasks_per_call(source)
    calls = list(source.epoch(whole, load=False))
    wanted = _UNITS_A_WORKER * workers
    size = whole
    while size % 2 == 0 and sum(-(-len(c) // size) for c in calls) < wanted:
        size //= 2
    return [
        Unit(call.numbers[first : first + size], size, first, number)
        for number, call in enumerate(calls)
        for first in range(0, len(call), size)
    ]
