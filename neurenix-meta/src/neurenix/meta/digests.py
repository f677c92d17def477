"""Digests of arrays: they differ where data of one name and shape differs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

# So many bytes of an array are copied at a time.
_AT_ONCE = 2**24


def digest_of(arrays: Iterable[NDArray[Any]], *texts: str) -> str:
    """SHA-256 of the arrays' dtypes, shapes and values in this order, and of the texts;
    the same for either byte order of what is stored.

    >>> same, other = np.ones((2, 3)), np.ones((3, 2))
    >>> digest_of([same]) == digest_of([same.copy("F")]), digest_of([other])[:6]
    (True, 'bb1edf')
    >>> digest_of([same]) == digest_of([other])
    False
    """
    digest = hashlib.sha256()
    for text in texts:
        digest.update(f"{len(text)} {text!a}\n".encode())
    for array in arrays:
        kind = array.dtype.str.replace(">", "<")
        digest.update(f"{kind} {array.shape}\n".encode())
        if array.nbytes <= _AT_ONCE:
            digest.update(array.astype(kind, copy=False).tobytes())
            continue
        step = max(1, _AT_ONCE * len(array) // array.nbytes)
        for start in range(0, len(array), step):
            part = array[start : start + step].astype(kind, order="C", copy=False)
            digest.update(part.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
