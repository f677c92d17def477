"""Rules: from features of examples to logits of queries, on whatever embedding."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurenix.arguments import flag
from neurenix.errors import InvalidArgumentError, ShapeError

from .recogniser import Array, Scoring

Values = NDArray[np.float64]
Numbers = NDArray[np.int64]
#: Logits [m, ways] of features [m, d] as they are compared.
Compared = Callable[[Values], Values]
CENTRES = ("support", "transductive")


@dataclass(frozen=True)
class Rule(abc.ABC):
    """How features are compared: moved, scaled, and judged by a head; all in float64.

    centre      a vector that is subtracted from all features first: "support": the mean
                of the support set's; "transductive": the mean of the support set's and
                of all queries of a call, so that predictions depend on each other; or
                the mean over the images that the embedding was trained on, which
                SimpleShot takes
    normalize   features of length 1, after that. With a centre this is SimpleShot's
                CL2N, without one its L2N (Wang et al. 2019, arXiv:1911.04623)

    A head adds `fitted` and `without_itself`.
    """

    name: ClassVar[str]

    centre: str | Values | None = None
    normalize: bool = False

    @abc.abstractmethod
    def fitted(self, z: Values, classes: Numbers, ways: int) -> Compared:
        """What makes logits, of moved features [n, d] and their classes."""

    @abc.abstractmethod
    def without_itself(
        self, z: Values, classes: Numbers, ways: int, rows: Numbers
    ) -> Values:
        """The logits of these of the examples, each from all others."""

    def scoring(self, kept: Array, classes: Numbers, ways: int) -> Scoring:
        """The logits that these features and their classes make."""
        if isinstance(self.centre, str) and self.centre == "transductive":

            def score(queries: Array) -> Values:
                move = self._mover(np.concatenate([kept, queries]))
                return self.fitted(move(kept), classes, ways)(move(queries))

            return score
        move = self._mover(kept)
        logits = self.fitted(move(kept), classes, ways)
        return lambda queries: logits(move(queries))

    def left_out(
        self, kept: Array, classes: Numbers, ways: int
    ) -> tuple[Values, Numbers]:
        """Leave-one-out logits [m, ways] of the examples whose class has others, and
        these examples' numbers [m]. The centre stays that of all examples."""
        counts = np.bincount(classes, minlength=ways)
        rows = np.flatnonzero(counts[classes] > 1)
        z = self._mover(kept)(kept)
        return self.without_itself(z, classes, ways, rows), rows

    def _mover(self, kept: Array) -> Scoring:
        """Features as they are compared; a centre that is none yet is that of these."""
        centre: Values | float = 0.0
        if isinstance(self.centre, str):
            centre = kept.astype(np.float64).mean(axis=0)
        elif self.centre is not None:
            centre = self.centre
            if centre.shape != kept.shape[1:]:
                raise ShapeError(
                    f"Classifier: a centre of {len(centre)} numbers, and features of "
                    f"{kept.shape[1]}"
                )

        def move(features: Array) -> Values:
            z = features.astype(np.float64) - centre
            return unit(z) if self.normalize else z

        return move


def checked_centre(centre: Any) -> str | Values | None:
    """What a user gives as `centre`; InvalidArgumentError for what is none."""
    if centre is None or (isinstance(centre, str) and centre in CENTRES):
        return centre
    if isinstance(centre, str):
        raise InvalidArgumentError(
            f"Classifier: centre={centre!r}; expected None, "
            f"{', '.join(map(repr, CENTRES))} or a vector"
        )
    vector = np.asarray(centre, np.float64)
    if vector.ndim != 1 or not np.isfinite(vector).all():
        raise InvalidArgumentError(
            f"Classifier: centre of shape {vector.shape}; expected a vector of finite "
            "numbers, as long as features are"
        )
    return vector


def checked_normalize(normalize: Any) -> bool:
    """What a user gives as `normalize`."""
    return flag("Classifier", "normalize", normalize)


def unit(z: Values) -> Values:
    """Rows of length 1; a row of zeros stays."""
    length = np.sqrt((z * z).sum(axis=1, keepdims=True))
    return z / np.where(length == 0.0, 1.0, length)


def one_hot(classes: Numbers, ways: int) -> Values:
    """[n] -> [n, ways]."""
    rows: Values = np.eye(ways)[classes]
    return rows
