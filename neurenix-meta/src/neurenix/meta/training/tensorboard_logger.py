"""TensorBoardLogger: a run's curves for TensorBoard."""

from __future__ import annotations

import os
import time
from typing import Any

from neurenix.arguments import whole
from neurenix.errors import MissingPackageError
from neurenix.installing import how_to_install
from neurenix.io import as_path

from .events import Callback, Event, Learner


class TensorBoardLogger(Callback):
    """Writes what TensorBoard shows (`tensorboard --logdir folder`), by the package
    tensorboardX: at every epoch's end the numbers of its row, and within epochs those
    of single meta-steps under "step/". The axis is the number of meta-steps.

    folder   for the event files of this run
    every    meta-steps between two points within an epoch. Reading a number waits for
             the device

    A run that goes on from a checkpoint goes on with its curves: what was written after
    the checkpoint is hidden by TensorBoard. Raises MissingPackageError, when training
    begins, without tensorboardX.

    >>> # learner.meta_learn(tasks, callbacks=[TensorBoardLogger("runs/maml")])
    """

    def __init__(self, folder: str | os.PathLike[str], every: int = 10) -> None:
        self.folder = as_path("TensorBoardLogger", folder)
        self.every = whole("TensorBoardLogger", "every", every, 1)
        self._writer: Any = None
        self._next = 0

    def on_epoch_start(self, learner: Learner, event: Event) -> None:
        if self._writer is None:
            hidden = event.total + 1 if event.total else None
            # Files are named by the second: two runs within one would share one.
            self._writer = _writer()(
                str(self.folder),
                purge_step=hidden,
                filename_suffix=f".{time.time_ns()}",
            )
            self._next = event.total + self.every

    def on_step_end(self, learner: Learner, event: Event) -> None:
        if event.total >= self._next:
            self._write("step/", event)
            self._next = event.total + self.every

    def on_epoch_end(self, learner: Learner, event: Event) -> None:
        if event.epoch_is_done:
            self._write("", event)
            self._writer.flush()

    def on_train_end(self, learner: Learner, event: Event) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _write(self, prefix: str, event: Event) -> None:
        for name, value in event.metrics.items():
            self._writer.add_scalar(f"{prefix}{name}", float(value), event.total)


def _writer() -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise MissingPackageError(
            f"TensorBoardLogger needs the package tensorboardX ({error}); "
            + how_to_install("neurenix-meta", "tensorboard")
        ) from error
    return SummaryWriter
