"""What a training run tells while it goes on: events, callbacks, the progress bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

if TYPE_CHECKING:
    from .learner import MetaLearner


@dataclass
class Event:
    """Where a run is.

    epoch, epochs   the epoch under way, from 1, and how many there are to be
    step, steps     meta-steps done in this epoch, and how many it has
    metrics         numbers by name: of the last step in `on_step_end`, the epoch's row
                    of the history (validation too) in `on_epoch_end`
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    stopped: bool = False

    def stop(self) -> None:
        """End training after this event; the history says that it was interrupted."""
        self.stopped = True


class Callback:
    """Override what you want to hear of.

    >>> class Print(Callback):
    ...     def on_epoch_end(self, learner, event):
    ...         print(event.epoch, event.metrics["loss"])
    """

    def on_epoch_start(self, learner: MetaLearner, event: Event) -> None:
        """An epoch begins."""

    def on_step_end(self, learner: MetaLearner, event: Event) -> None:
        """A meta-step is done, or as many as one call makes (`steps_per_call`)."""

    def on_epoch_end(self, learner: MetaLearner, event: Event) -> None:
        """An epoch and its validation are done."""

    def on_train_end(self, learner: MetaLearner, event: Event) -> None:
        """Training is over, by whatever cause; errors too."""


class ProgressBar(Callback):
    """One line on standard error for the whole run; silent where it is no terminal."""

    def __init__(self) -> None:
        self._bar: Any = None

    def on_epoch_start(self, learner: MetaLearner, event: Event) -> None:
        if self._bar is None:
            self._bar = tqdm(
                total=event.epochs * event.steps,
                unit="step",
                desc=type(learner).__name__,
                disable=None,
                leave=True,
            )

    def on_step_end(self, learner: MetaLearner, event: Event) -> None:
        done = (event.epoch - 1) * event.steps + event.step
        self._bar.update(done - self._bar.n)

    def on_epoch_end(self, learner: MetaLearner, event: Event) -> None:
        shown = {name: f"{value:.4g}" for name, value in event.metrics.items()}
        self._bar.set_postfix(shown)

    def on_train_end(self, learner: MetaLearner, event: Event) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
