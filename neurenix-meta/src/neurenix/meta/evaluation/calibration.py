"""Calibration: whether predictions of 80 % confidence are right in 80 % of cases."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import neurenix as nx

#: The name under which `task_scores` gives what a calibration error is made of.
CONFIDENCE = "confidence"
#: Bins of equal width between 0 and 1; Guo et al. use 15.
BINS = 15


def confidence_bins(logits: nx.Tensor, classes: nx.Tensor) -> nx.Tensor:
    """What a calibration error is made of, [3, 15], summed over the rows of logits
    [m, ways] whose confidence max_k softmax(logits)_k lies in each bin (0, 1/15], …:
    how many there are, their confidences, and how many are right.

    >>> logits = nx.log(nx.tensor([[0.9, 0.1], [0.3, 0.7], [0.05, 0.95]]))
    >>> bins = confidence_bins(logits, nx.tensor([0, 0, 1]))
    >>> bins[0].tolist()[9:]
    [0.0, 1.0, 0.0, 0.0, 1.0, 1.0]
    >>> bins[2].tolist()[9:]
    [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]
    """
    confidence = nx.softmax(logits, axis=1).max(axis=1)
    right = (logits.argmax(dim=1) == classes).to(logits.dtype)
    bin_of = nx.minimum(nx.floor(confidence * BINS).to(nx.int32), BINS - 1)
    member = nx.one_hot(nx.maximum(bin_of, 0), BINS, dtype=logits.dtype)  # [m, 15]
    rows = nx.stack([nx.ones_like(confidence), confidence, right])
    return rows @ member


def expected_calibration_error(bins: NDArray[np.float64]) -> float:
    """Σ over bins of n_b / n · |right_b / n_b − confidence_b / n_b|, of sums as of
    `confidence_bins`, [3, 15]; NaN without any query.

    Guo et al. 2017, On Calibration of Modern Neural Networks, section 2.

    >>> expected_calibration_error(np.array([[2.0, 2.0], [1.2, 1.8], [1.0, 2.0]]))
    0.1
    """
    count, confidence, right = bins
    total = count.sum()
    if not total > 0:
        return float("nan")
    return float(np.round(np.abs(right - confidence).sum() / total, 12))
