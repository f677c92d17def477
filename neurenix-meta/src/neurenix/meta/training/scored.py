"""OfScore: what callbacks that go by one number of an epoch's row have in common."""

from __future__ import annotations

import math
from typing import Any, TypeVar

from neurenix.errors import InvalidArgumentError
from neurenix.keywords import check_keywords

from .events import Callback, Event

S = TypeVar("S", bound="OfScore")


class OfScore(Callback):
    """The base of callbacks that compare epochs.

    score     which number of the epoch's row
    largest   whether large is good; None: for names that end in "accuracy"

    Raises InvalidArgumentError for a score that is no name.
    """

    def __new__(cls: type[S], *args: Any, **kwargs: Any) -> S:
        check_keywords(cls, kwargs)
        made: Any = super().__new__
        return made(cls)

    def __init__(self, score: str, largest: bool | None) -> None:
        if not isinstance(score, str):
            raise InvalidArgumentError(
                f"{type(self).__name__}: score={score!r}; expected a name, like "
                "'validation_loss'"
            )
        self.score = score
        self.largest = score.endswith("accuracy") if largest is None else bool(largest)
        self.epoch = 0
        self.value = -math.inf if self.largest else math.inf

    def value_of(self, event: Event) -> float:
        """The score of an epoch; InvalidArgumentError where its row has none."""
        if self.score not in event.metrics:
            raise InvalidArgumentError(
                f"{type(self).__name__}: no {self.score!r} in this epoch's row; there "
                f"are: {', '.join(map(repr, event.metrics))}"
            )
        return float(event.metrics[self.score])

    def is_better(self, value: float, by: float = 0.0) -> bool:
        """Whether it is better than the best so far, by more than that much."""
        if self.largest:
            return value > self.value + by
        return value < self.value - by
