"""Probabilities: a softmax of scaled logits, and the scale that the examples choose."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
_SPAN = 1e6  # the scale is sought this far from what makes logits about 1 apart
_STEPS = 80  # of the golden section
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


def softmax(logits: Values, scale: float) -> Values:
    """p_k = exp(a s_k) / Σ_j exp(a s_j) of logits s [m, ways], with a the scale.

    >>> softmax(np.array([[0.0, math.log(3.0)]]), 1.0).round(6).tolist()
    [[0.25, 0.75]]
    """
    shifted = scale * (logits - logits.max(axis=1, keepdims=True))
    exponentials = np.exp(shifted)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def best_scale(logits: Values, classes: NDArray[np.int64]) -> float:
    """The scale a that minimises −Σᵢ Σ_k tᵢₖ log softmax(a sᵢ)ₖ for logits [m, ways] of
    examples that took no part in making them: temperature scaling (Guo et al. 2017,
    arXiv:1706.04599, section 4.2, with a = 1 / T).

    Targets are Platt's (1999, section 2.2), tᵢₖ = (m + 1) / (m + 2) for the example's
    class, the rest shared by the others: m examples that are all right do not prove
    certainty, and the minimum is finite. It is convex in a; a golden section finds it,
    the same bits each time.

    1.0 where there is nothing to choose by: no examples, one class, or equal logits.

    >>> scores = np.array([[-1.0, -5.0], [-6.0, -2.0], [-1.0, -4.0]])
    >>> round(best_scale(scores, np.array([0, 1, 0])), 3)
    0.374
    """
    count, ways = logits.shape
    spread = float((logits.max(axis=1) - logits.mean(axis=1)).mean()) if count else 0.0
    if ways < 2 or not spread > 0.0:
        return 1.0
    right = (count + 1.0) / (count + 2.0)
    targets = np.full(logits.shape, (1.0 - right) / (ways - 1))
    targets[np.arange(count), classes] = right
    shifted = logits - logits.max(axis=1, keepdims=True)

    def loss(exponent: float) -> float:
        scaled = math.exp(exponent) * shifted
        log_sum = np.log(np.exp(scaled).sum(axis=1))
        return float(log_sum.sum() - (targets * scaled).sum())

    low, high = math.log(1 / (spread * _SPAN)), math.log(_SPAN / spread)
    for _ in range(_STEPS):
        width = _GOLDEN * (high - low)
        if loss(high - width) <= loss(low + width):
            high = low + width
        else:
            low = high - width
    return math.exp((low + high) / 2)


def scale_of_prototypes(logits: Values) -> float:
    """What serves as the scale where every class has one example: the inverse of the
    mean distance between two classes, with `logits` [ways, ways] of each example; 1.0
    if they coincide or there is one class.

    >>> scale_of_prototypes(np.array([[0.0, -4.0], [-4.0, 0.0]]))
    0.25
    """
    ways = logits.shape[1]
    pairs = ways * (ways - 1)
    mean = float(np.trace(logits) - logits.sum()) / pairs if pairs else 0.0
    return 1.0 / mean if mean > 0.0 else 1.0
