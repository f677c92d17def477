"""Centroids: the nearest class mean, on features of whatever embedding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurenix.arguments import flag
from neurenix.errors import InvalidArgumentError, ShapeError

from .recogniser import Array, Scoring

METRICS = ("euclidean", "cosine")
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Centroids:
    """Logits −d(z, c_k) of features z, with c_k the mean of class k's (Snell, Swersky &
    Zemel 2017, arXiv:1703.05175, equations 1 and 2).

    metric      "euclidean": d = ‖z − c‖²; "cosine": d = 1 − z·c / (‖z‖ ‖c‖)
    centre      a vector that is subtracted from all features first: "support": the mean
                of the support set's; or the mean over the images that the embedding was
                trained on, which SimpleShot takes
    normalize   features of length 1, after that. With a centre this is SimpleShot's
                CL2N, without one its L2N (Wang et al. 2019, arXiv:1911.04623)

    In float64, class by class: a class's logits depend on no other class, but for the
    centre "support".
    """

    metric: str = "euclidean"
    centre: str | Values | None = None
    normalize: bool = False

    @staticmethod
    def checked(metric: str, centre: Any, normalize: bool) -> Centroids:
        """Of what a user gives; InvalidArgumentError for what it does not know."""
        if metric not in METRICS:
            raise InvalidArgumentError(
                f"Classifier: metric={metric!r}; expected "
                f"{' or '.join(map(repr, METRICS))}"
            )
        if centre is not None and not isinstance(centre, str):
            centre = np.asarray(centre, np.float64)
            if centre.ndim != 1 or not np.isfinite(centre).all():
                raise InvalidArgumentError(
                    f"Classifier: centre of shape {centre.shape}; expected a vector of "
                    "finite numbers, as long as features are"
                )
        elif centre not in (None, "support"):
            raise InvalidArgumentError(
                f"Classifier: centre={centre!r}; expected None, 'support' or a vector"
            )
        return Centroids(metric, centre, flag("Classifier", "normalize", normalize))

    def scoring(self, kept: Array, classes: NDArray[np.int64], ways: int) -> Scoring:
        """The logits of these features' classes."""
        move = self._mover(kept)
        centroids = _means(move(kept), classes, ways)
        return lambda queries: self._logits(move(queries), centroids)

    def left_out(
        self, kept: Array, classes: NDArray[np.int64], ways: int
    ) -> tuple[Values, NDArray[np.int64]]:
        """Leave-one-out logits, in one pass: without an example only its own class's
        mean is another, (n c − z) / (n − 1). The centre stays that of all examples."""
        counts = np.bincount(classes, minlength=ways)
        rows = np.flatnonzero(counts[classes] > 1)
        moved = self._mover(kept)(kept)
        centroids = _means(moved, classes, ways)
        logits = self._logits(moved[rows], centroids)
        for place, row in enumerate(rows):
            own, z = classes[row], moved[row]
            others = (counts[own] * centroids[own] - z) / (counts[own] - 1)
            logits[place, own] = self._logits(z[None], others[None])[0, 0]
        return logits, rows

    def _mover(self, kept: Array) -> Scoring:
        """Features as they are compared."""
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
            return _unit(z) if self.normalize else z

        return move

    def _logits(self, z: Values, centroids: Values) -> Values:
        if self.metric == "cosine":
            z, centroids = _unit(z), _unit(centroids)
            columns = [(z * c).sum(axis=1) - 1.0 for c in centroids]
        else:
            columns = [-((z - c) ** 2).sum(axis=1) for c in centroids]
        return np.stack(columns, axis=1)


def _means(z: Values, classes: NDArray[np.int64], ways: int) -> Values:
    return np.stack([z[classes == k].mean(axis=0) for k in range(ways)])


def _unit(z: Values) -> Values:
    """Rows of length 1; a row of zeros stays."""
    length = np.sqrt((z * z).sum(axis=1, keepdims=True))
    return z / np.where(length == 0.0, 1.0, length)
