"""Features: what estimators do with the rows that they are given."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from ..datasets.preprocess import Preprocess

Array = NDArray[Any]


def checked(
    estimator: BaseEstimator,
    X: Any,
    preprocess: Preprocess | None = None,
    *,
    reset: bool = False,
    **more: Any,
) -> Any:
    """X, and y where it is among `more`, as scikit-learn checks them: finite numbers
    [n, ...], as many a row as `fit` was given. Images that a `Preprocess` reads are
    taken as they are.
    """
    if preprocess is None:
        return validate_data(
            estimator,
            X,
            reset=reset,
            allow_nd=True,
            dtype=[np.float64, np.float32],
            **more,
        )
    return (X, more["y"]) if "y" in more else X
