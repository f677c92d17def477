"""Random numbers by counter: what number (seed, index) begins with, on any machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def uniform(seed: int, index: int, count: int) -> NDArray[np.float64]:
    """The first `count` numbers on [0, 1) of a seed's stream `index` (below 2**64).

    They are Philox's raw bits, which NumPy promises never to change, as it does not for
    the methods of its `Generator`.

    >>> bool((uniform(3, 7, 5)[:2] == uniform(3, 7, 2)).all())
    True
    """
    bits = np.random.Philox(key=np.array([seed, index], np.uint64)).random_raw(count)
    numbers: NDArray[np.float64] = (bits >> np.uint64(11)).astype(np.float64)
    return numbers * 2.0**-53
