"""Meta-steps by a crew: each worker sums over its share, the update is made here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from neurenix import tree
from neurenix.errors import NeurenixError

from ..tasks.batches import Batch
from ..training.data import Data
from ..training.options import Training
from ..training.position import Trained
from ..training.strategy import Made, Row, Steps
from .crew import Job
from .flat import tensors_of
from .messages import Form, Partial, Way
from .shares import divided
from .sums import apart_program, kept_update_program
from .told import Told
from .tree import TreeSum


class CrewSteps(Steps):
    """The meta-steps of one run.

    A step is the one of a single process, cut where its tasks meet: workers make the
    sums over blocks of them, which are added here along the tree of `nx.map`, and the
    program that follows from the sums is the same. So are the bits, for any number of
    workers.
    """

    load = False

    def __init__(
        self, told: Told, trained: Trained, data: Data, options: Training
    ) -> None:
        self.told = told
        self.crew = told.crew
        self.method = trained.method
        self.source = data.source
        self.prepares = data.source.makes_batches
        self.way = Way(options.chunk, options.limit, options.compile)
        self.programs = trained.method.programs
        told.tasks(data.source)  # what cannot be sent is refused before all else
        self._update = kept_update_program(trained.method, trained.optimizer)

    def over(self, groups: Iterable[list[Batch]]) -> Iterator[Made]:
        for group, following in with_next(groups):
            rows: list[Row] = []
            interrupted: BaseException | None = None
            try:
                for batch, then in zip(group, [*group[1:], following]):
                    rows.append(self._made(batch, then))
                    if not rows[-1][1]:
                        break
            except (KeyboardInterrupt, NeurenixError) as error:
                if not rows:
                    raise
                interrupted = error  # once the steps that were made are counted
            yield Made(group, rows, interrupted)

    def _made(self, batch: Batch, following: Batch | None) -> Row:
        """One meta-step; workers get ready for the next one meanwhile."""
        # Workers may have forgotten these over what they were told since.
        learner, tasks = self.told.learner(self.method), self.told.tasks(self.source)
        state = self.crew.put(learner.state())
        known = learner.name, state, self.way.now(), tasks
        arriving = self.crew.results(self._jobs("sums", batch, *known))
        if following is not None and self.prepares:
            self.crew.hint(self._jobs("prepare", following, tasks))
        total = TreeSum(len(batch))
        form: Form | None = None
        for _, partials in arriving:
            partial: Partial
            for partial in partials:
                form = partial.form
                total.add(partial.block, form.layout.divided(partial.sums))
        assert form is not None
        if form.plan is not None:
            self.programs.plans["meta_learn"] = form.plan
        (loss, metrics), ok = self._updated(form, total, len(batch))
        learner.own_step_done()
        numbers = {name: x.numpy()[()] for name, x in {"loss": loss, **metrics}.items()}
        return numbers, bool(ok.item())

    def _jobs(self, method: str, batch: Batch, *known: Any) -> list[Job]:
        jobs = []
        for worker, share in enumerate(divided(len(batch), self.crew.size)):
            blocks = [(b, batch.numbers[b.first : b.stop]) for b in share]
            jobs.append(Job(method, (*known, blocks), worker))
        return jobs

    def _updated(self, form: Form, total: TreeSum, count: int) -> Any:
        layout = form.layout
        buffer = layout.joined(total.result())
        leaves = apart_program(layout)(list(tensors_of(layout, buffer)))
        sums = tree.unflatten(form.structure, leaves)
        return self._update(sums, count, form.drawn)


def with_next(
    groups: Iterable[list[Batch]],
) -> Iterator[tuple[Sequence[Batch], Batch | None]]:
    """Each group, and the first batch of the one after it."""
    rest = iter(groups)
    group = next(rest, None)
    while group is not None:
        after = next(rest, None)
        yield group, None if after is None else after[0]
        group = after
