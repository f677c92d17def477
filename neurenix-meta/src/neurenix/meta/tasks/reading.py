"""Reads inputs: pixels, tokens and values, by one rule for all calls.

Floats are values. Whole numbers are what the learner's `kinds.inputs` says: "pixels"
from 0 to 255, "tokens" or "values". While it says nothing, uint8 are pixels and other
whole numbers values.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import neurenix as nx
from neurenix import dispatch, nn
from neurenix.attributes import changes
from neurenix.devices import Device
from neurenix.dtypes import Dtype
from neurenix.errors import DtypeError, InvalidArgumentError, ShapeError
from neurenix.program import Symbol

Array = NDArray[Any]

# By network: how many attributes were set when its first parameter was looked up, and
# that. (A walk through a network takes as long as a small network does.)
_FIRST: weakref.WeakKeyDictionary[nn.Module, tuple[object, nn.Parameter | None]]
_FIRST = weakref.WeakKeyDictionary()

# Dtypes that hold more than pixels or tokens can be: their values say whether they are.
_TO_LOOK_AT: dict[str | None, tuple[Dtype, ...]] = {
    "pixels": (nx.int32, nx.int64, nx.uint32),
    "tokens": (nx.int64, nx.uint32),
}


def array_of(name: str, x: object) -> Array:
    """x as an array of numbers, on the host.

    Raises ShapeError for what is ragged, InvalidArgumentError for what are no numbers.
    """
    try:
        array = x.numpy() if isinstance(x, nx.Tensor) else np.asarray(x)
    except ValueError as error:
        raise ShapeError(f"{name} is ragged: {error}") from None
    if array.dtype.kind not in "fiub":
        texts = array.dtype.kind in "USTO" and array.ndim > 0
        raise InvalidArgumentError(
            f"{name} is no tensor, but a {type(x).__name__}"
            + (
                f" of {array.dtype}; labels are numbers from 0: "
                "np.unique(labels, return_inverse=True)[1]"
                if texts
                else ""
            )
        )
    return array


def is_readable(x: object) -> bool:
    """Whether a network's argument is an input, and not something of its own."""
    return isinstance(x, (nx.Tensor, np.ndarray, list))


def is_whole(x: Any) -> bool:
    """Whether an array or tensor is of whole numbers (booleans are not)."""
    if isinstance(x, nx.Tensor):
        return x.dtype.kind in ("int", "uint")
    return x.dtype.kind in "iu"


def said_by(inputs: Iterable[Any]) -> str | None:
    """What whole numbers among arrays or tensors are, by their dtypes: "pixels" for
    uint8, "values" for others; None without any.

    Raises InvalidArgumentError for both.
    """
    dtypes = {str(x.dtype).removeprefix("neurenix.") for x in inputs if is_whole(x)}
    if "uint8" in dtypes and len(dtypes) > 1:
        other = sorted(dtypes - {"uint8"})[0]
        raise InvalidArgumentError(
            f"inputs of uint8 (stored pixels) beside inputs of {other} (values): say "
            "what whole numbers are when the learner is made, by inputs='pixels', "
            "'tokens' or 'values', or give floats"
        )
    if not dtypes:
        return None
    return "pixels" if dtypes == {"uint8"} else "values"


def read(x: nx.Tensor, kind: str | None, dtype: Dtype) -> nx.Tensor:
    """What a network gets of a tensor, in a program or not.

    Raises DtypeError for floats that should be tokens.
    """
    if kind == "tokens":
        if x.dtype.is_floating:
            raise DtypeError(
                f"inputs of {x.dtype.name}, and this learner reads tokens: give whole "
                "numbers"
            )
        return x.to(nx.int32)
    if is_whole(x) and (kind == "pixels" or (kind is None and x.dtype is nx.uint8)):
        return x.to(dtype) * (1.0 / 255.0)
    return x.to(dtype)


def stored(name: str, x: Array, kind: str | None) -> Array:
    """An array as it is put on the device, which `read` then reads there: pixels as
    uint8, tokens as int32.

    Raises InvalidArgumentError for pixels that are none, and tokens beyond int32;
    DtypeError for floats that should be tokens.
    """
    if kind == "tokens" and x.dtype.kind == "f":
        raise DtypeError(
            f"{name} is of {x.dtype}, and this learner reads tokens: give whole numbers"
        )
    if x.dtype.kind not in "iu" or kind not in ("pixels", "tokens"):
        return x
    limits = np.iinfo(np.uint8 if kind == "pixels" else np.int32)
    if x.dtype == limits.dtype:
        return x
    if x.size and not (limits.min <= x.min() and x.max() <= limits.max):
        wrong = x.min() if x.min() < limits.min else x.max()
        raise InvalidArgumentError(
            f"{name} holds {wrong}, and this learner reads whole numbers as {kind}, "
            f"from {limits.min} to {limits.max}"
        )
    return x.astype(limits.dtype, copy=False)


def kept_as(x: Array, kind: str | None, dtype: Dtype) -> Dtype:
    """The dtype on the device of what `stored` has given."""
    if kind == "tokens":
        return nx.int32
    if x.dtype == np.uint8 and kind != "values":
        return nx.uint8
    return dtype


def network_input(name: str, x: Any, kind: str | None, dtype: Dtype) -> nx.Tensor:
    """What a network gets of an array, a list or a tensor that a user gives it."""
    if isinstance(x, nx.Tensor):
        if x.dtype in _TO_LOOK_AT.get(kind, ()) and not isinstance(x.data, Symbol):
            stored(name, x.numpy(), kind)
        return read(x, kind, dtype)
    array = stored(name, array_of(name, x), kind)
    return read(nx.tensor(array, dtype=kept_as(array, kind, dtype)), kind, dtype)


def dtype_of(network: nn.Module) -> Dtype:
    """The floating dtype of a network: that of its first parameter, float32 without."""
    first = _first_parameter(network)
    return nx.float32 if first is None else first.dtype


def home_of(network: nn.Module) -> Device | None:
    """The device of a network, as its first parameter tells; None in a program."""
    if dispatch.recorder() is not None:
        return None
    first = _first_parameter(network)
    return None if first is None else first.device


def _first_parameter(network: nn.Module) -> nn.Parameter | None:
    now = changes.now
    seen, first = _FIRST.get(network, (None, None))
    if seen is not now:
        first = next(network.parameters(), None)
        _FIRST[network] = now, first
    return first


def read_first(
    kind: str | None,
    dtype: Dtype,
    home: Device | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a network of this dtype and device, the first one read."""

    def read_it(name: str, x: Any) -> Any:
        if not is_readable(x):
            return x
        found = network_input(name, x, kind, dtype)
        return found if home is None else found.to(home)

    if args:
        return (read_it("the input", args[0]), *args[1:]), kwargs
    first = list(kwargs.items())[:1]
    return args, {**kwargs, **{n: read_it(n, x) for n, x in first}}


@dataclass(frozen=True)
class ReadFirst:
    """What an adapted network does with its first argument: reads it as the learner
    has, whose inputs were of this kind."""

    kind: str | None

    def __call__(
        self, network: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return read_first(self.kind, dtype_of(network), home_of(network), args, kwargs)


def here(x: nx.Tensor) -> nx.Tensor:
    """x on the current device."""
    return x.to(nx.current_device())
