"""Events of a training run, callbacks that hear of them, and the progress bar."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tqdm import tqdm

from neurenix.errors import InvalidArgumentError

from ..wording import in_words

# Callbacks get a `MetaLearner`, which stands above this room. An author of callbacks
# may annotate it as any learner, and a type checker agrees.
Learner = Any


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

    def on_epoch_start(self, learner: Learner, event: Event) -> None:
        """An epoch begins."""

    def on_step_end(self, learner: Learner, event: Event) -> None:
        """A meta-step is done, or as many as one call makes (`steps_per_call`)."""

    def on_epoch_end(self, learner: Learner, event: Event) -> None:
        """An epoch and its validation are done."""

    def on_train_end(self, learner: Learner, event: Event) -> None:
        """Training is over, by whatever cause; errors too."""


HOOKS = ("on_epoch_start", "on_step_end", "on_epoch_end", "on_train_end")


def checked_callbacks(callbacks: object) -> list[Callback]:
    """Callbacks that `meta_learn` can tell of what happens.

    Raises InvalidArgumentError, naming it, for one that is none, and for a method
    whose name begins like a hook's and is none, which would never be called.
    """
    if isinstance(callbacks, (Callback, str)) or not isinstance(callbacks, Iterable):
        raise InvalidArgumentError(
            f"callbacks is {in_words(callbacks)}; expected a list of them: [callback]"
        )
    found = list(callbacks)
    for number, callback in enumerate(found):
        if not isinstance(callback, Callback):
            is_class = isinstance(callback, type) and issubclass(callback, Callback)
            remedy = (
                f"give an instance: {callback.__name__}(...)"
                if is_class
                else "make a subclass of Callback that has an on_epoch_end"
            )
            raise InvalidArgumentError(
                f"callbacks[{number}] is {in_words(callback)}; expected a Callback: "
                f"{remedy}"
            )
        _check_hooks(callback)
    return found


def _check_hooks(callback: Callback) -> None:
    for name in dir(callback):
        if name.startswith("on_") and name not in HOOKS:
            if not callable(getattr(callback, name)):
                continue
            near = difflib.get_close_matches(name, HOOKS, 2, 0.6)
            meant = f"; did you mean {' or '.join(near)}?" if near else ";"
            raise InvalidArgumentError(
                f"{type(callback).__name__}.{name} would never be called{meant} "
                f"The hooks are {', '.join(HOOKS)}"
            )
    for name in HOOKS:
        try:
            inspect.signature(getattr(callback, name)).bind(None, None)
        except TypeError as error:
            raise InvalidArgumentError(
                f"{type(callback).__name__}.{name} is called with (learner, event), "
                f"and takes other arguments: {error}"
            ) from None


class ProgressBar(Callback):
    """One line on standard error for the whole run; silent where it is no terminal."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None

    def on_epoch_start(self, learner: Learner, event: Event) -> None:
        if self._bar is None:
            self._bar = tqdm(
                total=event.epochs * event.steps,
                unit="step",
                desc=type(learner).__name__,
                disable=None,
                leave=True,
            )

    def on_step_end(self, learner: Learner, event: Event) -> None:
        done = (event.epoch - 1) * event.steps + event.step
        assert self._bar is not None
        self._bar.update(done - self._bar.n)

    def on_epoch_end(self, learner: Learner, event: Event) -> None:
        shown = {name: f"{value:.4g}" for name, value in event.metrics.items()}
        assert self._bar is not None
        self._bar.set_postfix(shown)

    def on_train_end(self, learner: Learner, event: Event) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
