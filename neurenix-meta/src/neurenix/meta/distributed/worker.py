"""Worker: sums and scores of tasks by their numbers, on a device of its own.

It knows nothing of how it is reached. What it is told it keeps under names; a job says
which learner and which tasks it is of.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

import neurenix as nx
from neurenix import tree
from neurenix.nn.modes import mode
from neurenix.settings import current_precision

from ..evaluation.score import ScoresKey, scoring_program
from ..memory import MemoryPlan, planned
from ..tasks.batches import Batch, Numbers, Source
from ..training.step import step_program
from ..training.strategy import Row
from .about import about_here
from .flat import Bytes, Layout
from .messages import (
    Apart,
    Form,
    Partial,
    Pupil,
    Scored,
    Share,
    Still,
    Unit,
    Way,
)
from .shares import Block
from .state import MovingState
from .sums import flat_program, sums_program


@dataclass
class _Known:
    """A learner that a worker was told of, with what it has made for it."""

    pupil: Pupil
    state: MovingState
    flat: nx.Compiled = field(default_factory=flat_program)
    drawn: dict[Hashable, tuple[int, ...]] = field(default_factory=dict)
    plans: dict[Hashable, MemoryPlan] = field(default_factory=dict)

    def program(
        self, way: Way, batch: Batch, make: Callable[[int], nx.Compiled]
    ) -> tuple[nx.Compiled, MemoryPlan | None]:
        """The program of a batch, of the chunk that is asked for, or within the limit
        if there is one."""
        if way.limit is None:
            return make(way.chunk), None
        data, picks = batch.bucket.data, batch.picks
        shapes = tuple((x.shape, x.dtype) for x in data)
        key = way.limit, batch.bucket.read, shapes, picks.shape
        if key not in self.plans:
            call = batch.bucket.read, data, picks, _number(0)
            _, self.plans[key] = planned(way.limit, len(picks), make, [call])
        plan = self.plans[key]
        return make(plan.chunk), plan

    def sums(self, chunk: int) -> nx.Compiled:
        """What makes sums over so many tasks at once."""
        make = partial(sums_program, self.pupil.method, chunk)
        return self.pupil.method.compiled(SumsKey(chunk), make)

    def step(self, chunk: int) -> nx.Compiled:
        """What makes meta-steps."""
        assert self.pupil.optimizer is not None
        return step_program(self.pupil.method, self.pupil.optimizer, chunk)


@dataclass(frozen=True)
class SumsKey:
    """Which program makes sums: so many tasks at once."""

    chunk: int


class Worker:
    """Carries out the jobs of a crew, once it is started."""

    def __init__(self) -> None:
        self._told: dict[str, Any] = {}
        self._ready: dict[tuple[str, bytes], Batch] = {}

    def start(self, device: str | None, threads: int | None) -> dict[str, Any]:
        """Takes a device, as of `nx.init`, and that many threads of the host (None: as
        many as there are). Returns `About` it, as a dict, for a crew to compare."""
        options: dict[str, Any] = {"device": device}
        if threads is not None:
            options["threads"] = threads
        self._device = nx.init(options)
        return about_here(self._device)._asdict()

    # ---- what it knows ---------------------------------------------------------------

    def learn(self, name: str, value: object) -> None:
        """Keeps a value under a name: a learner, its still values, or tasks."""
        if isinstance(value, Pupil):
            value = _known(value)
        elif isinstance(value, Still):
            known = self._told[value.learner]
            known.state.write_still(value.values)
            return
        self._told[name] = value

    def forget(self, name: str) -> None:
        self._told.pop(name, None)
        self._ready.clear()

    # ---- jobs ------------------------------------------------------------------------

    def prepare(self, tasks: str, blocks: list[tuple[Block, Numbers]]) -> None:
        """Draws and reads tasks that it will be asked for next."""
        self._ready.clear()
        for _, numbers in blocks:
            self._ready[tasks, numbers.tobytes()] = self._batch(tasks, numbers)

    def sums(
        self,
        learner: str,
        state: Bytes,
        way: Way,
        tasks: str,
        blocks: list[tuple[Block, Numbers]],
    ) -> list[Partial]:
        """The sums over each block's tasks, with the learner in this state."""
        known: _Known = self._told[learner]
        known.state.write(state)
        found: list[Partial] = []
        with self._entered(way):
            for block, numbers in blocks:
                if found and found[-1].form.drawn:
                    known.state.write(state)
                batch = self._prepared(tasks, numbers)
                found.append(_partial(known, state, way, block, batch))
        return found

    def steps_apart(
        self, learner: str, state: Bytes, way: Way, tasks: str, shares: list[Share]
    ) -> Apart:
        """Meta-steps on shares of batches, one after the other, from this state on."""
        known: _Known = self._told[learner]
        known.state.write(state)
        rows: list[Row] = []
        with self._entered(way):
            for share in shares:
                batch = self._prepared(tasks, share.numbers)
                bucket, first = batch.bucket, _number(share.first)
                step, _ = known.program(way, batch, known.step)
                (loss, metrics), ok = step(bucket.read, bucket.data, batch.picks, first)
                named = {"loss": loss, **metrics}
                numbers = {name: float(x.item()) for name, x in named.items()}
                rows.append((numbers, bool(ok.item())))
        return Apart(rows, known.state.read())

    def scores(
        self,
        learner: str,
        state: Bytes,
        way: Way,
        tasks: str,
        unit: Unit,
        key: ScoresKey,
    ) -> Scored:
        """The scores of a unit's tasks."""
        known: _Known = self._told[learner]
        source: Source = self._told[tasks]
        method = known.pupil.method
        known.state.write(state)
        before = [place + unit.call for place in known.state.places()]
        for stream, place in zip(known.state.streams, before, strict=True):
            stream.step.assign(np.asarray(place, np.uint32))
        with self._entered(way), mode(method, training=False):
            program = scoring_program(method, source, key.steps, way.limit, key.apart)
            batch = source.batch_of(unit.numbers)
            count = len(batch)
            # Filled up with its first task, so that one program serves all.
            more = batch.picks[:1].repeat(unit.size - count, 0)
            whole = Batch(
                batch.bucket, np.concatenate([batch.picks, more]), batch.numbers
            ).loaded(unit.size)
            bucket = whole.bucket
            rows = program(bucket.read, bucket.data, whole.picks, _number(unit.first))
        after = known.state.places()
        drawn = tuple(i for i, (a, b) in enumerate(zip(before, after)) if a != b)
        scores = {n: x.numpy()[:count].astype(np.float64) for n, x in rows.items()}
        return Scored(scores, drawn, method.programs.plans.get("evaluate"))

    def _entered(self, way: Way) -> AbstractContextManager[object]:
        if way.precision != current_precision():
            nx.init({"device": self._device, "precision": way.precision})
        return way.entered()

    def _prepared(self, tasks: str, numbers: Numbers) -> Batch:
        ready = self._ready.pop((tasks, numbers.tobytes()), None)
        return self._batch(tasks, numbers) if ready is None else ready

    def _batch(self, tasks: str, numbers: Numbers) -> Batch:
        source: Source = self._told[tasks]
        return source.batch_of(numbers).loaded(len(numbers))


def _partial(
    known: _Known, state: Bytes, way: Way, block: Block, batch: Batch
) -> Partial:
    """The sums over a block, and what came in them."""
    bucket = batch.bucket
    program, plan = known.program(way, batch, known.sums)
    sums = program(bucket.read, bucket.data, batch.picks, _number(block.first))
    leaves, structure = tree.flatten(sums)
    layout = Layout.of(leaves)
    key = bucket.read, layout
    if key not in known.drawn:
        known.drawn[key] = _drawn(known.state, state)
    parts = [part.numpy() for part in known.flat(leaves)]
    form = Form(structure, layout, known.drawn[key], plan)
    return Partial(block, layout.joined(parts), form)


def _number(value: int) -> nx.Tensor:
    return nx.tensor(np.asarray(value, np.uint32), dtype=nx.uint32)


def _known(pupil: Pupil) -> _Known:
    state = MovingState(pupil.method, pupil.optimizer)
    for stream, seed in zip(state.streams, pupil.seeds, strict=True):
        stream.manual_seed(seed)
    return _Known(pupil, state)


def _drawn(state: MovingState, before: Bytes) -> tuple[int, ...]:
    """The streams that have moved on since this state was written."""
    steps = state.layout.divided(before)[state.layout.kinds.index("uint32")]
    own = steps[len(steps) - len(state.streams) :].tolist()
    return tuple(i for i, (a, b) in enumerate(zip(own, state.places())) if a != b)
