"""Training: a meta-step as one compiled program, and the loop around it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import InvalidArgumentError, NonFiniteError, StepsInterrupted
from neurenix.nn.modes import mode

from ..identity.descriptions import unchanged_by_training
from ..returned import gradient_of, what
from .checkpoints import Checkpoints, Position, Trained
from .divergence import diverged_step, not_finite
from .events import Callback, Event
from .history import History

if TYPE_CHECKING:
    from ..learner import MetaLearner
    from ..tasks.batches import Batch, Source


def check_optimizer(learner: MetaLearner, optimizer: Any, schedule: Any) -> None:
    """Refuse what is no optimizer, one of other parameters than the learner's, one that
    has nothing to learn, and what is no schedule of it."""
    if not isinstance(optimizer, optim.Optimizer):
        kind = "an optimizer of neurenix.optim"
        example = "optim.Adam(learner.parameters(), lr=0.001)"
        if isinstance(optimizer, type) and issubclass(optimizer, optim.Optimizer):
            example = f"{optimizer.__name__}(learner.parameters(), lr=...)"
        package = type(optimizer).__module__.split(".")[0]
        of = "" if package in ("builtins", "neurenix") else f" (of {package})"
        given = (
            repr(optimizer) if isinstance(optimizer, (str, int)) else what(optimizer)
        )
        raise InvalidArgumentError(
            f"meta_learn: meta_optimizer is {given}{of}; expected {kind}: {example}"
        )
    if schedule is not None and (
        not isinstance(schedule, optim.Schedule) or schedule.optimizer is not optimizer
    ):
        raise InvalidArgumentError(
            f"schedule={schedule!r}; expected a schedule of the meta_optimizer, like "
            "optim.StepLR(meta_optimizer, step_size=10)"
        )
    names_of(optimizer, learner)
    optimizer.check_places()
    if not any(p.requires_grad for p in optimizer.params):
        raise InvalidArgumentError(
            f"meta_learn: there is nothing to learn: all {len(optimizer.params)} "
            f"parameters of the {type(optimizer).__name__} are frozen (requires_grad "
            "is False); requires_grad_(True) of a parameter or module lets it learn"
        )


def meta_step(learner: MetaLearner, optimizer: Any, chunk: int) -> nx.Compiled:
    """The compiled function of a batch: loss and gradient of each task, their mean over
    the tasks, the optimizer's update.

    A task's loss and its derivative are taken inside the map: a task's whole chain runs
    on one core, and nothing but gradients leaves it. Returns ((loss, metrics), ok);
    where ok is False nothing was changed.
    """

    def step(read: Any, data: Sequence[nx.Tensor], picks: nx.Tensor) -> Any:
        parameters = learner.learned()
        order = names_of(optimizer, learner)
        kept = {n for n, b in learner.named_buffers() if b.reduction == "mean"}

        def one(pick: nx.Tensor) -> Any:
            found = learner.task_gradient(parameters, read(data, pick))
            outcome, gradient = gradient_of(learner, found, parameters)
            buffers = {n: b for n, b in outcome.buffers.items() if n in kept}
            return outcome.loss, dict(outcome.metrics), buffers, gradient

        with mode(learner, training=True), nx.no_grad():
            loss, metrics, buffers, gradient = nx.map(one, reduce="mean", chunk=chunk)(
                picks
            )
            nn.assign_buffers(learner, buffers)
            optimizer.step([gradient.get(name) for name in order])
        return loss, metrics

    return nx.compile(
        step, state=[learner, optimizer, nx.random.default_generator], guard=True
    )


def names_of(optimizer: Any, learner: MetaLearner) -> list[str]:
    """The names of the parameters that an optimizer changes, in its order.

    Raises InvalidArgumentError for one that is not the learner's, or is so no more.
    """
    names = {id(parameter): name for name, parameter in learner.named_parameters()}
    for i, parameter in enumerate(optimizer.params):
        if id(parameter) not in names:
            said = f", {parameter.name!r}" if parameter.name else ""
            raise InvalidArgumentError(
                f"meta_learn: the optimizer's parameter {i}{said}, of shape "
                f"{parameter.shape}, is none of this {type(learner).__name__}'s (any "
                "more, if it was replaced). Make the optimizer anew: "
                f"{type(optimizer).__name__}(learner.parameters(), lr=...)"
            )
    return [names[id(parameter)] for parameter in optimizer.params]


class Run:
    """One call of `meta_learn`: its epochs, its history, who is told."""

    def __init__(
        self,
        trained: Trained,
        step: nx.Compiled,
        source: Source,
        validation: Source | None,
        callbacks: Sequence[Callback],
        steps_per_call: int = 1,
        max_memory: int | None = None,
    ) -> None:
        self.trained = trained
        self.learner = trained.learner
        self.step = step
        self.source = source
        self.validation = validation
        self.callbacks = callbacks
        self.steps_per_call = steps_per_call
        self.max_memory = max_memory
        self.checkpoints: Checkpoints | None = None
        self.history = History()
        self.position = Position()
        self._steps_made = False

    def epochs(self, count: int, size: int) -> History:
        with unchanged_by_training(self.trained.before()):
            return self._epochs(count, size)

    def _epochs(self, count: int, size: int) -> History:
        order = np.random.default_rng(nx.random.host_seed())
        self.restore(order, size)
        event = Event(self.position.epoch, count, 0, self.source.steps(size))
        try:
            for epoch in range(self.position.epoch, count):
                event.epoch, event.metrics = epoch + 1, {}
                event.step = self.position.step
                self.learner.begin_epoch(epoch)
                self.tell("on_epoch_start", event)
                self.epoch(event, order, size)
                if event.stopped:
                    self.history.interrupted = True
                    break
        except KeyboardInterrupt:
            self.history.interrupted = True
        except NonFiniteError as error:
            error.history = self.history
            raise
        finally:
            self.tell("on_train_end", event)
        return self.history

    def epoch(self, event: Event, order: np.random.Generator, size: int) -> None:
        here = self.position
        here.order = dict(order.bit_generator.state)
        here.next_task = self.source.next_task
        row: dict[str, float] = {}
        try:
            batches = self.source.epoch(size, order, here.step)
            for group in grouped(batches, self.steps_per_call):
                for batch, numbers in self.steps(group, event):
                    event.metrics = numbers
                    count = len(batch.picks)
                    here.tasks += count
                    for name, value in numbers.items():
                        total = here.sums.get(name, 0.0) + count * float(value)
                        here.sums[name] = total
                self.tell("on_step_end", event)
                if event.stopped:
                    self.save()
                    break
                if event.step < event.steps:
                    self.save_if_due(epoch_is_done=False)
        finally:  # Ctrl-C too: what was done stands in the history
            if here.tasks:
                row = {name: value / here.tasks for name, value in here.sums.items()}
                self.history.append(row)
        whole = not event.stopped
        if self.validation is not None and whole:
            row.update(self.validated())
            self.history.extend_last(row)
        event.metrics = row
        self.tell("on_epoch_end", event)
        if whole:
            if self.trained.schedule is not None:
                self.trained.schedule.step()
            self.begin_epoch(order)
            is_last = event.stopped or event.epoch == event.epochs
            self.save() if is_last else self.save_if_due(epoch_is_done=True)

    def has_learned(self) -> bool:
        """Whether the learner is another than it was: a step was made, or read."""
        return self._steps_made

    # ---- checkpoints -----------------------------------------------------------------

    def begin_epoch(self, order: np.random.Generator) -> None:
        """The position before the first step of the next epoch."""
        here = self.position
        here.epoch += 1
        here.step, here.tasks, here.sums = 0, 0, {}
        here.order = dict(order.bit_generator.state)
        here.next_task = self.source.next_task

    def restore(self, order: np.random.Generator, size: int) -> None:
        """Goes on from the newest checkpoint, if there is one."""
        if self.checkpoints is None:
            self.source.without_content()
            return
        self.trained.tasks.update(self.source.description(), tasks_per_batch=size)
        found = self.checkpoints.restore(self.trained)
        if found is not None:
            self.position, self.history = found
            self._steps_made = True
            order.bit_generator.state = self.position.order
            self.source.next_task = self.position.next_task

    def save_if_due(self, epoch_is_done: bool) -> None:
        if self.checkpoints is not None and self.checkpoints.is_due(
            self.position.total, epoch_is_done
        ):
            self.save()

    def save(self) -> None:
        if self.checkpoints is not None:
            self.checkpoints.save(self.trained, self.position, self.history)

    # ---- steps -----------------------------------------------------------------------

    def steps(self, group: list[Batch], event: Event) -> Iterator[tuple[Batch, Any]]:
        """Makes a step for each batch, by one call; what came of each."""
        bucket = group[0].bucket
        interrupted = None
        if len(group) == 1:
            (loss, metrics), ok = self.step(bucket.read, bucket.data, group[0].picks)
            rows = [({"loss": loss, **metrics}, bool(ok.item()))]
        else:
            picks = np.stack([batch.picks for batch in group])
            try:
                results = self.step.run_steps(
                    bucket.read, bucket.data, picks, in_axes=(None, None, 0)
                )
            except StepsInterrupted as interrupt:
                interrupted, results = interrupt, interrupt.results
            rows = _rows(*results)
        for batch, (numbers, good) in zip(group, rows):
            event.step += 1
            self.position.step = event.step
            self.position.total += 1
            if not good:
                raise NonFiniteError(self.failure(batch, event, numbers["loss"]))
            self._steps_made = True
            yield batch, numbers
        if interrupted is not None:
            raise interrupted

    def failure(self, batch: Batch, event: Event, loss: Any) -> str:
        tasks = ", ".join(map(str, batch.numbers[:8].tolist()))
        data = not_finite(batch)
        where = f"; {data}" if data else diverged_step(self.learner, batch)
        remedy = (
            "leave out examples with such numbers"
            if data
            else "a smaller learning rate may help"
        )
        return (
            f"meta-step {self.position.total} (epoch {event.epoch}, step {event.step}; "
            f"tasks {tasks}{', …' if len(batch.numbers) > 8 else ''}): its loss is "
            f"{float(loss)}, and the loss or the update is not finite{where}. "
            f"Parameters and optimizer are as they were before this step; {remedy}"
        )

    def validated(self) -> dict[str, float]:
        result = self.learner.evaluate(self.validation, max_memory=self.max_memory)
        row = {"validation_loss": result.mean("loss")}
        if "accuracy" in result.scores:
            row["validation_accuracy"] = result.mean("accuracy")
        return row

    def tell(self, what: str, event: Event) -> None:
        for callback in self.callbacks:
            getattr(callback, what)(self.learner, event)


def grouped(batches: Iterable[Batch], most: int) -> Iterator[list[Batch]]:
    """Neighbours that one call can take: of one bucket, and of one size."""
    group: list[Batch] = []
    for batch in batches:
        alike = group and (
            batch.bucket is group[0].bucket and len(batch.picks) == len(group[0].picks)
        )
        if group and not alike:
            yield group
            group = []
        group.append(batch)
        if len(group) == most:
            yield group
            group = []
    if group:
        yield group


def _rows(
    results: tuple[nx.Tensor, dict[str, nx.Tensor]], ok: nx.Tensor
) -> list[tuple[dict[str, Any], bool]]:
    """Each step's numbers, and whether they are finite, from stacked ones."""
    loss, metrics = results
    columns = {name: x.numpy() for name, x in {"loss": loss, **metrics}.items()}
    return [
        ({name: column[i] for name, column in columns.items()}, bool(good))
        for i, good in enumerate(ok.numpy())
    ]


def batch_size(tasks_per_batch: int, largest: int | None) -> int:
    """Tasks a step; fewer, and said so, where there are fewer tasks of one shape."""
    if largest is None or tasks_per_batch <= largest:
        return tasks_per_batch
    warnings.warn(
        f"tasks_per_batch={tasks_per_batch}, but there are {largest} tasks of one "
        f"shape: a batch has {largest}",
        stacklevel=3,
    )
    return largest
