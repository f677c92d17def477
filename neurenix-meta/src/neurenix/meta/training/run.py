"""A run: the loop of epochs around the meta-step, with history and checkpoints."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import neurenix as nx
from neurenix.errors import NeurenixError, NonFiniteError, StorageError, WorkerError

from ..evaluation.score import evaluated
from ..identity.descriptions import unchanged_by_training
from ..tasks.batches import Batch
from .checkpoints import Checkpoints
from .data import Data
from .divergence import failure
from .events import Event
from .history import History
from .interrupted import warn_of_interruption
from .options import Training
from .position import Position, Trained
from .step import Numbers, grouped
from .strategy import Made, Steps, Strategy


class Run:
    """One call of `meta_learn`.

    trained    what it changes
    steps      what makes the meta-steps
    strategy   who scores the validation's tasks
    """

    def __init__(
        self,
        trained: Trained,
        steps: Steps,
        data: Data,
        options: Training,
        strategy: Strategy,
    ) -> None:
        self.trained = trained
        self.method = trained.method
        self.steps = steps
        self.strategy = strategy
        self.source = data.source
        self.validation = data.validation
        self.batch = data.batch
        self.options = options
        self.listeners = options.listeners
        self.checkpoints: Checkpoints | None = None
        self.history = History()
        self.position = Position()
        self._steps_made = False

    def epochs(self) -> History:
        """All epochs, or those that a checkpoint says are still to come."""
        with unchanged_by_training(self.trained.before()):
            return self._epochs(self.options.epochs)

    def _epochs(self, count: int) -> History:
        order = np.random.default_rng(nx.random.host_seed())
        self.restore(order)
        event = Event(self.position.epoch, count, 0, self.source.steps(self.batch))
        by_hand = False
        try:
            for epoch in range(self.position.epoch, count):
                event.epoch, event.metrics = epoch + 1, {}
                event.step = self.position.step
                self.method.begin_epoch(epoch)
                self.tell("on_epoch_start", event)
                if not event.stopped:
                    self.epoch(event, order)
                if event.stopped:
                    self.history.interrupted = True
                    break
        except KeyboardInterrupt:
            self.history.interrupted = by_hand = True
        except (NonFiniteError, WorkerError) as error:
            error.history = self.history
            raise
        finally:
            self.tell("on_train_end", event)
        if by_hand:  # only now: a progress bar is done with its line
            warn_of_interruption(self.position, count, self.checkpoints)
        return self.history

    def epoch(self, event: Event, order: np.random.Generator) -> None:
        """The rest of an epoch: its steps, its validation, its checkpoint."""
        here = self.position
        self.mark_epoch(order)
        row: dict[str, float] = {}
        try:
            batches = self.source.epoch(
                self.batch, order, here.step, load=self.steps.load
            )
            groups = grouped(batches, self.options.steps_per_call)
            for made in self.steps.over(groups):
                for batch, numbers in self.counted(made, event):
                    event.metrics = numbers
                    here.add(len(batch), numbers)
                self.tell("on_step_end", event)
                if event.stopped:
                    self.save()
                    break
                if event.step < event.steps:
                    self.save_if_due(epoch_is_done=False)
        except WorkerError as error:  # the steps until here are made, whoever is gone
            self.save_despite(error)
            raise
        finally:  # Ctrl-C too: what was done stands in the history
            if here.tasks:
                row = here.means()
                self.history.append(row)
        is_whole = not event.stopped
        if self.validation is not None and is_whole:
            validated, intervals = self.validated()
            row.update(validated)
            self.history.extend_last(row, intervals)
        event.metrics = row
        self.tell("on_epoch_end", event)
        if is_whole:
            if self.trained.schedule is not None:
                self.trained.schedule.step()
            self.begin_epoch(order)
            is_last = event.stopped or event.epoch == event.epochs
            self.save() if is_last else self.save_if_due(epoch_is_done=True)

    def validated(self) -> tuple[dict[str, float], dict[str, float]]:
        """The validation's part of an epoch's row, and half its 95 % intervals."""
        assert self.validation is not None
        steps = self.method.evaluation_steps(None)
        result = evaluated(
            self.method,
            self.validation,
            steps,
            self.options.limit,
            scorer=self.strategy,
        )
        names = ["loss", *(["accuracy"] if "accuracy" in result.scores else [])]
        row = {f"validation_{name}": result.mean(name) for name in names}
        return row, {f"validation_{name}": result.interval(name) for name in names}

    def has_learned(self) -> bool:
        """Whether the learner is another than it was: a step was made, or read."""
        return self._steps_made

    def tell(self, hook: str, event: Event) -> None:
        """Calls every callback's hook of this name."""
        for callback in self.listeners:
            getattr(callback, hook)(self.method, event)

    # ---- checkpoints -----------------------------------------------------------------

    def begin_epoch(self, order: np.random.Generator) -> None:
        """The position before the first step of the next epoch."""
        here = self.position
        here.epoch += 1
        here.step, here.tasks, here.sums = 0, 0, {}
        self.mark_epoch(order)

    def mark_epoch(self, order: np.random.Generator) -> None:
        """The order of an epoch's tasks is the one that follows from here."""
        self.position.order = dict(order.bit_generator.state)
        self.position.next_task = self.source.next_task

    def restore(self, order: np.random.Generator) -> None:
        """Goes on from the newest checkpoint, if there is one."""
        if self.checkpoints is None:
            self.source.without_content()
            return
        tasks = self.trained.tasks
        tasks.update(self.source.description(), tasks_per_batch=self.batch)
        found = self.checkpoints.restore(self.trained, self.listeners)
        if found is not None:
            self.position, self.history = found
            self._steps_made = True
            order.bit_generator.state = self.position.order
            self.source.next_task = self.position.next_task

    def save_if_due(self, epoch_is_done: bool) -> None:
        """A checkpoint, where it is time for one."""
        if self.checkpoints is not None and self.checkpoints.is_due(
            self.position.total, epoch_is_done
        ):
            self.save()

    def save(self) -> None:
        """A checkpoint, if there are to be any."""
        if self.checkpoints is not None:
            self.checkpoints.save(
                self.trained, self.position, self.history, self.listeners
            )

    def save_despite(self, error: NeurenixError) -> None:
        """A checkpoint on the way out; where none can be written the error says so,
        too, and stays what it is."""
        try:
            self.save()
        except StorageError as storage:
            error.args = (
                f"{error}. No checkpoint of the last step either: {storage}",
                *error.args[1:],
            )

    # ---- steps -----------------------------------------------------------------------

    def counted(self, made: Made, event: Event) -> Iterator[tuple[Batch, Numbers]]:
        """Counts the steps that were made; gives each one's batch and numbers."""
        for batch, (numbers, is_finite) in zip(made.group, made.rows):
            event.step += 1
            self.position.step = event.step
            self.position.total += 1
            if not is_finite:
                total = self.position.total
                raise NonFiniteError(
                    failure(self.method, batch, event, total, numbers["loss"])
                )
            self._steps_made = True
            yield batch, numbers
        if made.interrupted is not None:
            raise made.interrupted
