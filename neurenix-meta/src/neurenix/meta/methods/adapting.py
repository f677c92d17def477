"""What adapts: which parameters the inner steps of a method change."""

from __future__ import annotations

import abc
from collections.abc import Collection
from dataclasses import dataclass

from neurenix.errors import InvalidArgumentError

MODEL = "model."  # what names of the network's parameters begin with


class Adapting(abc.ABC):
    """Whether the parameter of a name is changed by inner steps."""

    @abc.abstractmethod
    def __call__(self, name: str) -> bool: ...

    @abc.abstractmethod
    def check(self, method: str, names: Collection[str]) -> None:
        """Refuse a network, by its parameters' names, that does not fit any more."""


@dataclass(frozen=True)
class WholeModel(Adapting):
    """All parameters of the network."""

    def __call__(self, name: str) -> bool:
        return name.startswith(MODEL)

    def check(self, method: str, names: Collection[str]) -> None:
        """Every network fits."""


@dataclass(frozen=True)
class Head(Adapting):
    """Those of the network's head alone, which is at this path."""

    path: str

    def __call__(self, name: str) -> bool:
        return name.startswith(f"{MODEL}{self.path}.")

    def check(self, method: str, names: Collection[str]) -> None:
        if not any(map(self, names)):
            raise InvalidArgumentError(
                f"{method}: the model has no head {self.path!r} any more; "
                "set learner.head to its path, or make a new learner"
            )


@dataclass(frozen=True)
class Body(Adapting):
    """All but those of the head."""

    head: Head

    def __call__(self, name: str) -> bool:
        return name.startswith(MODEL) and not self.head(name)

    def check(self, method: str, names: Collection[str]) -> None:
        self.head.check(method, names)


@dataclass(frozen=True)
class Listed(Adapting):
    """Those that a learner was made with rates for.

    possible   those that it would have rates for, were it made now
    """

    names: frozenset[str]
    possible: frozenset[str]

    def __call__(self, name: str) -> bool:
        return name in self.names

    def check(self, method: str, names: Collection[str]) -> None:
        new = sorted(self.possible - self.names)
        if new:
            raise InvalidArgumentError(
                f"{method}: {', '.join(map(repr, new))} came to the model "
                "after the learner was made, which has no rate for it. Make a new "
                f"learner of this model: {method}(model, ...)"
            )
