"""Events of a training run, and the callbacks that hear of them."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

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

    @property
    def total(self) -> int:
        """Meta-steps done since the first epoch began."""
        return (self.epoch - 1) * self.steps + self.step

    @property
    def epoch_is_done(self) -> bool:
        """Whether every meta-step of the epoch is done: an epoch that was stopped has
        neither a validation nor all of its tasks."""
        return self.step >= self.steps

    def stop(self) -> None:
        """End training after this event; the history says that it was interrupted. In
        `on_epoch_start` no step of that epoch is made."""
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

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of it: numbers, strings, lists, dicts and tensors, as
        `nx.save` takes them. A callback that remembers something from one event to the
        next returns it here, so that a run that goes on decides as one that never
        stopped."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what `state_dict` gave, before the first event of a run that goes on.
        States are found by the callback's class, several of one by their order."""


def states_of(callbacks: Iterable[Callback]) -> dict[str, dict[str, Any]]:
    """The state of each callback that has one, by a name that finds it again."""
    states = {name: c.state_dict() for name, c in _named(callbacks).items()}
    return {name: state for name, state in states.items() if state}


def load_states(
    callbacks: Iterable[Callback], states: Mapping[str, Mapping[str, Any]]
) -> None:
    """Gives callbacks their states; one that a checkpoint does not know begins anew."""
    for name, callback in _named(callbacks).items():
        if name in states:
            callback.load_state_dict(states[name])


def _named(callbacks: Iterable[Callback]) -> dict[str, Callback]:
    """Callbacks by class; from the second of one class on with a number."""
    found: dict[str, Callback] = {}
    for callback in callbacks:
        kind = type(callback).__name__
        same = sum(type(other).__name__ == kind for other in found.values())
        found[f"{kind} {same + 1}" if same else kind] = callback
    return found


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
