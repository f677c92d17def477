"""Ridge regression on features, with an intercept that is not shrunk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..classification.embedded import OfCallable, OfModule
from .features import Array

Values = NDArray[np.float64]


@dataclass(frozen=True)
class RidgeOnFeatures:
    """ŷ = ȳ + (z − z̄) W for features z of rows."""

    features: OfModule | OfCallable
    batch_size: int
    middle: Values
    mean: Values
    weight: Values

    @staticmethod
    def fitted(
        features: OfModule | OfCallable,
        batch_size: int,
        x: Array,
        y: Values,
        regularization: float,
    ) -> RidgeOnFeatures:
        """Of examples x [n, ...] and targets y [n, outputs]: W = Zcᵀ (Zc Zcᵀ + λ I)⁻¹
        (Y − ȳ), or by the system of d equations, whichever is smaller."""
        z = _features(features, batch_size, x)
        middle, mean = z.mean(axis=0), y.mean(axis=0)
        zc, yc = z - middle, y - mean
        if len(z) <= z.shape[1]:
            system = zc @ zc.T + regularization * np.eye(len(z))
            weight = zc.T @ np.linalg.solve(system, yc)
        else:
            system = zc.T @ zc + regularization * np.eye(z.shape[1])
            weight = np.linalg.solve(system, zc.T @ yc)
        return RidgeOnFeatures(features, batch_size, middle, mean, weight)

    def __call__(self, x: Array) -> Values:
        z = _features(self.features, self.batch_size, x)
        return (z - self.middle) @ self.weight + self.mean


def _features(embedding: OfModule | OfCallable, batch_size: int, x: Array) -> Values:
    parts = [
        embedding.kept(x[start : start + batch_size])
        for start in range(0, len(x), batch_size)
    ]
    return np.concatenate(parts).astype(np.float64)
