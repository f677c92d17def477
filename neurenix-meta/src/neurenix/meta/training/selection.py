"""Selection: keeping the weights that did best on the validation tasks."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from neurenix.errors import FileFormatError
from neurenix.io import as_path, write_atomically

from .events import Event, Learner
from .scored import OfScore


class KeepBest(OfScore):
    """After each epoch that was better than all before it, saves the learner to `path`;
    afterwards `learner.load(path)` takes those weights.

    path      of the file; a file beside it, with ".json" added, has the epoch and score
              ({"epoch": 3, "validation_accuracy": 0.97})
    score     which number of the epoch's row
    largest   whether large is good; None: for names that end in "accuracy"

    `epoch` and `value` say which epoch that is, and its score; a checkpoint keeps both,
    so that a run that goes on compares with what was before, and one that has nothing
    left to do still knows them.

    Raises InvalidArgumentError, at the end of the first epoch, for a score that is not
    in its row (validation=... puts "validation_loss" there).

    >>> import neurenix as nx
    >>> from neurenix.meta import MAML, MLP, generate_regression_tasks
    >>> tasks = generate_regression_tasks(8, 10, seed=0)
    >>> learner = MAML(MLP([1, 8, 1]))
    >>> import tempfile
    >>> best = KeepBest(os.path.join(tempfile.mkdtemp(), "best"), score="loss")
    >>> history = learner.meta_learn(tasks, epochs=3, callbacks=[best], progress=False)
    >>> learner.load(best.path)
    >>> best.value == min(history["loss"])
    True
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        score: str = "validation_accuracy",
        largest: bool | None = None,
    ) -> None:
        super().__init__(score, largest)
        self.path = as_path("KeepBest", path)
        self._beside = self.path.with_name(self.path.name + ".json")

    def on_epoch_start(self, learner: Learner, event: Event) -> None:
        if event.epoch > 1 and not self.epoch and self._beside.exists():
            try:  # the run goes on from a checkpoint that does not know it
                stored = json.loads(self._beside.read_text("utf-8"))
                epoch, value = int(stored["epoch"]), float(stored[self.score])
            except (ValueError, KeyError, TypeError) as error:
                raise FileFormatError(
                    f"{self._beside} does not hold an epoch and its "
                    f"{self.score!r}: {error!r}; delete it to begin anew"
                ) from None
            if epoch < event.epoch:
                self.epoch, self.value = epoch, value

    def on_epoch_end(self, learner: Learner, event: Event) -> None:
        if not event.epoch_is_done:
            return  # it has no validation
        value = self.value_of(event)
        if self.is_better(value):
            learner.save(self.path)
            self.epoch, self.value = event.epoch, value
            text = json.dumps({"epoch": self.epoch, self.score: value})
            write_atomically(self._beside, text.encode())

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, self.score: self.value} if self.epoch else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        # Without the file, or by another score, there is no best epoch yet.
        if self.score in state and self.path.exists():
            self.epoch, self.value = int(state["epoch"]), float(state[self.score])
