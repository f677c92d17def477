"""Dropout as functions: of elements, and of whole channels."""

from __future__ import annotations

from typing import Any

from ... import random
from ...arguments import between
from ...errors import ShapeError
from ...functions.operands import floating
from ...primitives import ops
from ...primitives.shorthands import scalar_like
from ...tensor import Tensor


def dropout(
    x: Any,
    p: float = 0.5,
    training: bool = True,
    generator: random.Generator | None = None,
) -> Tensor:
    """Inverted dropout: each element 0 with probability p, else x / (1 − p), so that
    the mean stays. Without `training` it is x itself.

    The numbers come from `generator` (nx's default one); inside nx.map, nx.vmap and
    nx.scan every iteration has its own.
    """
    p = between("dropout", "p", p, 0.0, 1.0)
    x = floating("dropout", x)
    if not training or p == 0.0:
        return x
    if p == 1.0:
        return x * 0.0
    kept = random.bernoulli(1.0 - p, x.shape, generator=generator)
    if x.device is not None:  # numbers come from the current device
        kept = kept.to(x.device)
    return ops.where(kept, x * (1.0 / (1.0 - p)), scalar_like(x, 0))


def dropout2d(
    x: Any,
    p: float = 0.5,
    training: bool = True,
    generator: random.Generator | None = None,
) -> Tensor:
    """`dropout` of whole channels: x [N, C, ...], of each example others.

    >>> import neurenix as nx
    >>> nx.nn.functional.dropout2d(nx.ones(2, 3, 4, 4), training=False).mean().item()
    1.0
    """
    p = between("dropout2d", "p", p, 0.0, 1.0)
    x = floating("dropout2d", x)
    if x.ndim < 2:
        raise ShapeError(
            f"dropout2d: an input of shape {x.shape}; expected [N, C, ...]"
        )
    if not training or p == 0.0:
        return x
    ones = ops.broadcast(scalar_like(x, 1), shape=(*x.shape[:2], *(1,) * (x.ndim - 2)))
    return x * dropout(ones, p, True, generator)
