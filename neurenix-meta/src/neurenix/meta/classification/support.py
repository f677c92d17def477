"""Support: what a classifier keeps of its examples, and of which classes they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurenix.errors import ShapeError

from .examples import Label
from .recogniser import Array


@dataclass(frozen=True)
class Support:
    """Kept examples [n, ...], class after class, the number of each one's class, and
    the shape of an example as it is read."""

    classes: tuple[Label, ...]
    kept: Array
    numbers: NDArray[np.int64]
    shape: tuple[int, ...]

    @staticmethod
    def none() -> Support:
        """That of no classes."""
        return Support((), np.zeros(0), np.zeros(0, np.int64), ())

    def with_class(
        self, label: Label, batches: Sequence[Array], shape: tuple[int, ...]
    ) -> Support:
        """This one with another class, of which this was kept, a batch at a time.

        Raises ShapeError for another size.
        """
        for batch in batches:
            self.check(batch)
        kept = [*([self.kept] if self.classes else []), *batches]
        numbers = np.full(sum(map(len, batches)), len(self.classes))
        return Support(
            (*self.classes, label),
            np.concatenate(kept),
            np.concatenate([self.numbers, numbers]),
            shape,
        )

    def check(self, kept: Array) -> None:
        """Refuse what has another size than these."""
        if self.classes and kept.shape[1:] != self.kept.shape[1:]:
            what = "features" if kept.ndim == 2 else "examples"
            one, other = (" × ".join(map(str, x.shape[1:])) for x in (kept, self.kept))
            raise ShapeError(
                f"{what} of size {one}, where this classifier's are of {other}"
            )
