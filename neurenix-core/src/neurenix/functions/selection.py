"""Elements that values choose: those that are not 0, those that differ, and sums by
index.

What has a shape that depends on values needs them at hand, so that no program that is
being captured can have it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import int32
from ..errors import CaptureError, ShapeError
from ..primitives import ops
from ..program import Symbol
from ..tensor import Tensor, tensor
from .axes import one_axis
from .index_keys import axis_of, from_zero, index_values
from .indexing import take
from .operands import as_tensor, beside, operands
from .shape import reshape


def _known(name: str, x: Tensor, instead: str) -> np.ndarray[Any, Any]:
    if isinstance(x.value().data, Symbol):
        raise CaptureError(
            f"{name}: the result's shape depends on values, which a program that is "
            f"being captured has not; {instead}"
        )
    return x.numpy()


def nonzero(x: Any) -> tuple[Tensor, ...]:
    """The indices of the elements that are not 0, in row-major order: int32 vectors,
    one for each axis, so that x[nx.nonzero(x)] are those elements.

    Raises CaptureError within compiled code, where `nx.where(condition, a, b)` does it.

    >>> import neurenix as nx
    >>> [i.tolist() for i in nx.nonzero(nx.tensor([[0, 5], [7, 0]]))]
    [[0, 1], [1, 0]]
    """
    x = as_tensor(x)
    found = _known("nonzero", x, "use nx.where(condition, a, b), which needs none")
    if not x.ndim:
        raise ShapeError("nonzero: a tensor of rank 0 has no indices")
    return tuple(tensor(i, int32, x.device) for i in np.nonzero(found))


def unique(x: Any) -> Tensor:
    """The values that occur, each once, in order: a vector. The derivative goes to the
    first place of each.

    Raises CaptureError within compiled code.

    >>> import neurenix as nx
    >>> nx.unique(nx.tensor([3, 1, 3])).tolist()
    [1, 3]
    """
    x = as_tensor(x)
    found = _known("unique", x, "call it outside and pass the result as an argument")
    _, first = np.unique(found, return_index=True)
    return take(reshape(x, (x.size,)), first) if x.size else reshape(x, (0,))


def index_add(x: Any, index: Any, updates: Any, axis: int = 0) -> Tensor:
    """x with updates added at the places `index` along an axis, in order: what several
    of them meet gets all. With x of zeros it is a sum by groups.

    x         [.., n, ..], n at `axis`
    index     integers of any shape [i..], negative ones from the end
    updates   x's shape with [i..] in place of n

    Raises ShapeError for updates of another shape, IndexOutOfRangeError for an index
    that the host knows and that is out of range.

    >>> import neurenix as nx
    >>> nx.index_add(nx.zeros(3), [0, 2, 0], nx.tensor([1.0, 2.0, 3.0])).tolist()
    [4.0, 0.0, 2.0]
    """
    base, new = operands("index_add", as_tensor(x), as_tensor(updates))
    at = one_axis("index_add", axis, base.ndim)
    found = index_values("index_add", index)
    found = from_zero(found, base.shape[at], axis_of(at, base.shape))
    is_tensor = isinstance(found, Tensor)
    places = found if is_tensor else beside(base, np.asarray(found, np.int32))
    expected = (*base.shape[:at], *places.shape, *base.shape[at + 1 :])
    if new.shape != expected:
        raise ShapeError(
            f"index_add: updates of shape {new.shape} for a tensor of shape "
            f"{base.shape} and an index of shape {places.shape}; expected {expected}"
        )
    return ops.scatter_add(base, places, new, axis=at, batch=0)
