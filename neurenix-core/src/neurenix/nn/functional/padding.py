"""The function that pads the last axes, by PyTorch's convention."""

from __future__ import annotations

from typing import Any

from ...arguments import one_of
from ...errors import InvalidArgumentError
from ...functions.operands import floating
from ...functions.shape import pad as pad_each
from ...tensor import Tensor


def pad(x: Any, pad: Any, mode: str = "constant", value: float = 0.0) -> Tensor:
    """`value` around the last axes, as PyTorch's: pad (before, after) of the last axis,
    then of the one before it, and so on. `nx.pad` names every axis, the first first.

    >>> import neurenix as nx
    >>> nx.nn.functional.pad(nx.ones(2, 3), (1, 0)).tolist()
    [[0.0, 1.0, 1.0, 1.0], [0.0, 1.0, 1.0, 1.0]]
    """
    x = floating("pad", x)
    one_of("pad", "mode", mode, ("constant",))
    if not isinstance(pad, (tuple, list)) or len(pad) % 2 or len(pad) > 2 * x.ndim:
        raise InvalidArgumentError(
            f"pad: pad={pad!r} of a tensor of rank {x.ndim}; "
            "expected (before, after) for the last axis, then the one before it, ..."
        )
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)]
    return pad_each(x, [(0, 0)] * (x.ndim - len(pairs)) + pairs[::-1], value)
