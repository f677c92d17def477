"""Rejection: the score below which an image is of none of the classes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neurenix.arguments import plain_number
from neurenix.errors import InvalidArgumentError

from ..datasets.telling import warn_user

Values = NDArray[np.float64]


def known(logits: Values) -> Values:
    """How well an image fits its best class: its largest logit [m], before any softmax,
    whose shares say only which class is the best (Vaze et al. 2022, arXiv:2110.06207,
    section 4.2)."""
    return logits.max(axis=1)


def threshold(scores: Values, rate: float) -> float:
    """The score t of n images of known classes that a further one of them falls below
    with a probability of `rate` at most.

        t = the k-th smallest score, with k = ⌊rate · (n + 1)⌋

    If the further image and these are exchangeable, P(s < t) ≤ k / (n + 1) ≤ rate
    (Vovk, Gammerman & Shafer 2005; Angelopoulos & Bates 2021, arXiv:2107.07511,
    section 1). With fewer than 1 / rate − 1 scores even the smallest promises less: it
    is taken, and a warning says what it promises.

    >>> threshold(np.arange(1.0, 100.0), 0.05)
    5.0
    """
    plain = plain_number(rate)
    if plain is None or not 0.0 < plain < 1.0:
        raise InvalidArgumentError(
            f"calibrate: rate={rate!r}; expected a number between 0 and 1, the share "
            "of images of known classes that may be rejected"
        )
    count = len(scores)
    place = math.floor(plain * (count + 1) + 1e-9)
    if place < 1:
        warn_user(
            f"calibrate: {count} scores cannot tell a rate of {plain:g}: the threshold "
            f"is the smallest of them, for a rate of {1 / (count + 1):.2g}. "
            f"{math.ceil(1 / plain) - 1} images or more are needed"
        )
    return float(np.sort(scores)[max(place, 1) - 1])
