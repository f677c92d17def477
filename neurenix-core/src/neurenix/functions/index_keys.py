"""Reads a key x[key] by NumPy's rules: once, for reading and for writing."""

from __future__ import annotations

import operator
import reprlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import dispatch
from ..dtypes import int32
from ..errors import (
    CaptureError,
    DtypeError,
    IndexOutOfRangeError,
    InvalidArgumentError,
    ShapeError,
)
from ..primitives import ops
from ..primitives.primitive import literal
from ..primitives.sources import ConstantArray
from ..program import Symbol
from ..tensor import Tensor
from ..user_lines import user_line
from .operands import cast
from .shape import stack

Shape = tuple[int, ...]
Array = np.ndarray[Any, Any]


class Indices(NamedTuple):
    """Positions along an axis, from 0: an array, or an int32 tensor."""

    values: Any


class Mask(NamedTuple):
    """Bools for as many axes as they have; of rank 0 for none."""

    values: Any


# ---- values --------------------------------------------------------------------------


def is_known(x: Tensor) -> bool:
    """Whether the host may read the values now: a program being captured has symbols,
    and takes values from outside by its own rules."""
    data = x.value().data
    if dispatch.recorder() is None:
        return not isinstance(data, Symbol)
    return isinstance(data, ConstantArray)


def read_now(what: str, x: Tensor) -> Array:
    """The values of a tensor that decide a shape."""
    x = x.value()
    recorder = dispatch.recorder()
    if isinstance(x.data, Symbol):
        raise CaptureError(
            f"{what} at {user_line()} decides a shape by values that are not known "
            "while a program is being captured: give it by Python or NumPy numbers, or "
            "keep the shape and choose by nx.where(mask, a, b)"
        )
    if recorder is not None and not isinstance(x.data, ConstantArray):
        remark = "whose values decide a shape: give them by Python or NumPy numbers"
        recorder.outside(f"a tensor in {what}", remark)
    return x.numpy()


def index_values(name: str, index: Any) -> Any:
    """Integers in an array or a tensor; DtypeError for anything else."""
    array = _array_or_tensor(name, index)
    dtype = array.dtype.numpy if isinstance(array, Tensor) else array.dtype
    if dtype.kind not in "iu":
        shown = array.dtype.name if isinstance(array, Tensor) else array.dtype
        raise DtypeError(f"{name}: indices are integers, not {shown}")
    return array


def _array_or_tensor(name: str, index: Any) -> Any:
    if isinstance(index, Tensor):
        return index.value()
    if isinstance(index, (list, tuple)) and any(isinstance(v, Tensor) for v in index):
        return stack(list(index))
    try:
        array = np.asarray(index)
    except ValueError:
        raise ShapeError(f"{name}: {reprlib.repr(index)} is ragged") from None
    if array.size == 0 and not isinstance(index, np.ndarray):
        return array.astype(np.int64)  # of [] nothing says what it is a list of
    return array


def from_zero(values: Any, size: int, where: str) -> Any:
    """The positions from 0 that integers name, those from -1 down being counted from
    the end: an array of an array, an int32 tensor of a tensor.

    Raises IndexOutOfRangeError for one that is out of range, whatever their number. Of
    a tensor that is being captured nothing is known: kernels take the nearest position.
    """
    if not isinstance(values, Tensor):
        below = _below(values, size, where)
        wide = values.astype(np.int64, copy=False)
        return np.where(wide < 0, wide + size, wide) if below else wide
    known = not isinstance(values.data, Symbol)
    below = _below(values.numpy(), size, where) if known else values.dtype.kind == "int"
    numbers = cast(values, int32)
    if not below:
        return numbers
    from_end = ops.add(numbers, literal(size, int32))
    return ops.where(ops.less(numbers, literal(0, int32)), from_end, numbers)


def _below(values: Array, size: int, where: str) -> bool:
    """Whether any index is negative. Raises IndexOutOfRangeError for one out of
    range."""
    if values.size == 0:
        return False
    # one pass for most: as unsigned numbers the negative ones are the largest
    if values.dtype == np.int32 and values.view(np.uint32).max() < size:
        return False
    low, high = int(values.min()), int(values.max())
    if low < -size or high >= size:
        raise out_of_range(low if low < -size else high, size, where)
    return low < 0


# ---- keys ----------------------------------------------------------------------------


def read_key(shape: Shape, key: Any) -> list[Any]:
    """A key for a tensor of that shape, as parts in order: for each axis a slice, an
    int from 0, or Indices; a Mask for all of its axes; None for a new axis; and `...`
    where one stood that covers no axis, as it parts what is beside it.

    Raises IndexOutOfRangeError for what does not fit the shape, DtypeError for what is
    no index.
    """
    given: list[Any] = []
    dots: list[int] = []
    used = 0
    for k in key if isinstance(key, tuple) else (key,):
        part = _part(k)
        used += _axes_of(part)
        if part is Ellipsis:
            dots.append(len(given))
        given.append(part)
    if len(dots) > 1:
        raise IndexOutOfRangeError(f"index {_shown(key)} has more than one '...'")
    if used > len(shape):
        raise IndexOutOfRangeError(
            f"index {_shown(key)} has more axes than a tensor of shape {shape}"
        )
    at = dots[0] if dots else len(given)
    rest: list[Any] = [slice(None)] * (len(shape) - used)
    filled = [*given[:at], *(rest or [Ellipsis] * len(dots)), *given[at + len(dots) :]]
    parts, axis = [], 0
    for part in filled:
        parts.append(_fitted(part, axis, shape))
        axis += _axes_of(part)
    return parts


def _shown(key: Any) -> str:
    return reprlib.repr(key)


def _axes_of(part: Any) -> int:
    if part is None or part is Ellipsis:
        return 0
    return part.values.ndim if isinstance(part, Mask) else 1


def _part(k: Any) -> Any:
    """One entry of a key, whatever tensor it is for."""
    if k is None or k is Ellipsis or type(k) is int:
        return k
    if isinstance(k, slice):
        bounds = (k.start, k.stop, k.step)
        if all(b is None or type(b) is int for b in bounds):
            return k
        return slice(*(_bound(k, b) for b in bounds))
    if isinstance(k, (bool, np.bool_)):
        return Mask(np.asarray(k))
    if isinstance(k, (int, np.integer)):
        return int(k)
    if isinstance(k, (list, tuple, range)) or hasattr(k, "__array__"):
        return _array_part(k)
    if hasattr(k, "__index__"):
        return operator.index(k)
    raise DtypeError(
        f"index {_shown(k)}: expected an int, a slice, None, '...', an array of "
        "integers, or a mask of bools"
    )


def _array_part(k: Any) -> Any:
    array = _array_or_tensor("index", k)
    is_tensor = isinstance(array, Tensor)
    kind = array.dtype.numpy.kind if is_tensor else array.dtype.kind
    if kind == "b":
        known = is_tensor and not isinstance(array.data, Symbol)
        return Mask(read_now("a mask", array) if known else array)
    if kind not in "iu":
        shown = array.dtype.name if is_tensor else array.dtype
        raise DtypeError(
            f"index {_shown(k)}: indices are integers, or a mask of bools, not {shown}"
        )
    if array.ndim == 0 and (not is_tensor or is_known(array)):
        return int(array.item())
    return Indices(array)


def _bound(key: slice, bound: Any) -> int | None:
    if bound is None:
        return None
    if isinstance(bound, Tensor) and bound.size == 1 and not bound.dtype.is_floating:
        return int(read_now("a slice", bound).item())
    try:
        return operator.index(bound)
    except TypeError:
        raise DtypeError(f"index {key!r}: {bound!r} is no integer") from None


def _fitted(part: Any, axis: int, shape: Shape) -> Any:
    """A part for the axes that it stands at."""
    if part is None or part is Ellipsis:
        return part
    if isinstance(part, slice):
        if part.step == 0:
            raise InvalidArgumentError(f"index {part!r}: a step of 0")
        return part
    if isinstance(part, int):
        size = shape[axis]
        if not -size <= part < size:
            raise out_of_range(part, size, axis_of(axis, shape))
        return part % size
    if isinstance(part, Mask):
        covered = shape[axis : axis + part.values.ndim]
        if tuple(part.values.shape) != covered:
            raise IndexOutOfRangeError(
                f"index: a mask of shape {tuple(part.values.shape)} where the axes of "
                f"the tensor of shape {shape} have {covered}"
            )
        return part
    return Indices(from_zero(part.values, shape[axis], axis_of(axis, shape)))


def axis_of(axis: int, shape: Shape) -> str:
    return f"axis {axis} of shape {shape}"


def out_of_range(index: int, size: int, where: str) -> IndexOutOfRangeError:
    return IndexOutOfRangeError(
        f"index {index} is out of range for {where}; "
        + (f"expected {-size} to {size - 1}" if size else "it has no elements")
    )


def is_advanced(part: Any) -> bool:
    """Whether a part of the key belongs to the index arrays' axes: an array, a mask, or
    an int, which joins them."""
    return isinstance(part, (int, Indices, Mask))


def place_of_arrays(parts: Sequence[Any]) -> int:
    """The axis of the result at which the axes of the index arrays begin: where the
    first array stands if nothing parts them, else 0."""
    places = [i for i, part in enumerate(parts) if is_advanced(part)]
    if not places or places[-1] - places[0] >= len(places):
        return 0
    return sum(part is not Ellipsis for part in parts[: places[0]])
