"""Interruption: Ctrl-C ends training after the step under way, with a checkpoint."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..training.events import Callback, Event, Learner
from ..training.interrupted import STOPPED

_STOPPING = b"\nneurenix: stopping after this step (Ctrl-C again: at once)\n"


class Interruption(Callback):
    """Ends training at the first chance after Ctrl-C, so that the checkpoint is of
    whole steps; a second Ctrl-C ends the process at once.

    It belongs behind other callbacks: they have heard of the step then.

    Attributes:
        asked: whether Ctrl-C was pressed.
        steps: meta-steps done in all.
    """

    def __init__(self) -> None:
        self.asked = False
        self.steps = 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While this lasts, the first Ctrl-C is heard instead of raising."""
        before = signal.signal(signal.SIGINT, self._heard)
        try:
            with warnings.catch_warnings():  # the command says so itself
                warnings.filterwarnings("ignore", STOPPED, RuntimeWarning)
                yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.write(2, _STOPPING)  # print could be under way

    def on_epoch_start(self, learner: Learner, event: Event) -> None:
        self._stop(event)

    def on_step_end(self, learner: Learner, event: Event) -> None:
        self._stop(event)

    def on_epoch_end(self, learner: Learner, event: Event) -> None:
        self._stop(event)

    def _stop(self, event: Event) -> None:
        self.steps = event.total
        if self.asked:
            event.stop()
