"""EarlyStopping: ends training that no longer gets better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurenix.arguments import flag, plain_number, whole
from neurenix.errors import InvalidArgumentError

from .events import Event, Learner
from .scored import OfScore


class EarlyStopping(OfScore):
    """Ends training once `patience` epochs, one after the other, were not better than
    the best before them.

    score          which number of the epoch's row; validation=... puts
                   "validation_loss" and "validation_accuracy" there
    patience       epochs to wait
    min_delta      an epoch is better if its score is so by more than this
    largest        whether large is good; None: for names that end in "accuracy"
    restore_best   give the learner the best epoch's values when training ends
                   (`KeepBest` writes them to a file)

    Attributes:
        epoch, value: of the best epoch so far, from 1; 0 before there is one.
        waited: epochs since.
        stopped_epoch: the epoch after which it ended training; 0 if it did not.

    Checkpoints keep all of this: a run that goes on waits no longer than one that never
    stopped, and one that was ended is not begun again. Raises InvalidArgumentError for
    settings that cannot be, and at the end of the first epoch for a score that is not
    in its row.

    >>> from neurenix.meta import MAML, MLP, Callback, generate_regression_tasks
    >>> class Worse(Callback):
    ...     def on_epoch_end(self, learner, event):
    ...         event.metrics["score"] = float(event.epoch)
    >>> early = EarlyStopping("score", patience=2)
    >>> learner = MAML(MLP([1, 8, 1]))
    >>> tasks = generate_regression_tasks(4, 5, seed=0)
    >>> history = learner.meta_learn(
    ...     tasks, epochs=10, callbacks=[Worse(), early], progress=False
    ... )
    >>> early.epoch, early.stopped_epoch, history.epochs
    (1, 3, 3)
    """

    def __init__(
        self,
        score: str = "validation_loss",
        patience: int = 5,
        min_delta: float = 0.0,
        largest: bool | None = None,
        *,
        restore_best: bool = False,
    ) -> None:
        super().__init__(score, largest)
        self.patience = whole("EarlyStopping", "patience", patience, 1)
        least = plain_number(min_delta)
        if least is None or not 0 <= least < float("inf"):
            raise InvalidArgumentError(
                f"EarlyStopping: min_delta={min_delta!r}; expected a number from 0 on"
            )
        self.min_delta = least
        self.restore_best = flag("EarlyStopping", "restore_best", restore_best)
        self.waited = 0
        self.stopped_epoch = 0
        self._best: dict[str, Any] | None = None

    def on_epoch_start(self, learner: Learner, event: Event) -> None:
        if self.stopped_epoch and self.waited >= self.patience:
            event.stop()  # the run that goes on was ended by this

    def on_epoch_end(self, learner: Learner, event: Event) -> None:
        if not event.epoch_is_done:
            return  # it has no validation
        value = self.value_of(event)
        if self.is_better(value, self.min_delta):
            self.epoch, self.value, self.waited = event.epoch, value, 0
            if self.restore_best:
                self._best = learner.state_dict()
            return
        self.waited += 1
        if self.waited >= self.patience:
            self.stopped_epoch = event.epoch
            event.stop()

    def on_train_end(self, learner: Learner, event: Event) -> None:
        if self._best is not None:
            learner.load_state_dict(self._best)

    def state_dict(self) -> dict[str, Any]:
        best = {} if self._best is None else {"best": self._best}
        return {
            "epoch": self.epoch,
            "value": self.value,
            "waited": self.waited,
            "stopped_epoch": self.stopped_epoch,
            **best,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.epoch, self.value = state["epoch"], state["value"]
        self.waited, self.stopped_epoch = state["waited"], state["stopped_epoch"]
        self._best = state.get("best")
