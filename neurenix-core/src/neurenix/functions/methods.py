"""Methods of tensors by the names that other libraries have for them; and what to use
for those that there are not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from .. import foreign_names
from ..devices import is_well_known
from ..dtypes import as_dtype, bfloat16, float16, int64
from ..missing import missing, nearest
from ..tensor import Tensor
from . import (
    activation,
    arithmetic,
    arrangement,
    elementary,
    indexing,
    linear,
    reduction,
    shape,
    statistics,
)
from .operands import cast


def clone(x: Tensor) -> Tensor:
    """The same value by another handle: `x[i] = v` on one leaves the other as it is.
    The derivative goes through. Values themselves never change, so that nothing is
    copied.

    >>> import neurenix as nx
    >>> x = nx.zeros(2)
    >>> y = x.clone()
    >>> y[0] = 1.0
    >>> x.tolist(), y.tolist()
    ([0.0, 0.0], [1.0, 0.0])
    """
    x = x.value()
    return Tensor(x.data, x.type, x.device, x.node, x.index)


def contiguous(x: Tensor) -> Tensor:
    """x: every tensor is."""
    return x


def cpu(x: Tensor) -> Tensor:
    """x on the device "cpu"; for a NumPy array `.numpy()` is enough."""
    return x.to("cpu")


def dim(x: Tensor) -> int:
    """How many axes x has: `ndim`."""
    return x.ndim


def numel(x: Tensor) -> int:
    """How many elements x has: `size`."""
    return x.type.size


def astype(x: Tensor, dtype: Any) -> Tensor:
    """x with another dtype, or x itself: `x.to(dtype)`."""
    return cast(x, as_dtype(dtype))


def expand_as(x: Tensor, other: Tensor) -> Tensor:
    """x broadcast to the shape of another tensor."""
    return shape.broadcast_to(x, other.shape)


def masked_fill(x: Tensor, mask: Any, value: Any) -> Tensor:
    """x with `value`, of x's dtype, where the mask holds: nx.where(mask, value, x)."""
    return cast(arithmetic.where(mask, value, x), x.dtype)


METHODS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        clone,
        contiguous,
        cpu,
        dim,
        numel,
        astype,
        expand_as,
        masked_fill,
        activation.log_softmax,
        activation.relu,
        activation.sigmoid,
        activation.softmax,
        arithmetic.erf,
        arithmetic.floor,
        arithmetic.isfinite,
        arithmetic.isnan,
        arithmetic.log1p,
        arithmetic.rsqrt,
        arithmetic.sign,
        arithmetic.tan,
        arrangement.chunk,
        elementary.ceil,
        elementary.clamp,
        elementary.expm1,
        elementary.isinf,
        elementary.log10,
        elementary.log2,
        elementary.reciprocal,
        elementary.trunc,
        indexing.take,
        linear.dot,
        linear.matmul,
        reduction.logsumexp,
        shape.flip,
        shape.moveaxis,
        shape.split,
        statistics.cumprod,
        statistics.diff,
        statistics.median,
        statistics.quantile,
    )
} | {
    "ravel": shape.flatten,
    "pow": arithmetic.power,
    "long": lambda x: cast(x, int64),
    "half": lambda x: cast(x, float16),
    "bfloat16": lambda x: cast(x, bfloat16),
}


# ---- what there is not ---------------------------------------------------------------


def _advise(name: str) -> str:
    roof: Any = sys.modules["neurenix"]
    if name in foreign_names.TENSOR:
        return f"use {foreign_names.TENSOR[name]}"
    if is_well_known(name):
        return f'use x.to("{name}")'
    if is_well_known(name.removeprefix("is_")):
        return "use x.device"
    functional = name.removesuffix("_")
    if functional != name and not name.startswith("_"):
        unchanged = "the values of tensors do not change; "
        if functional in foreign_names.TENSOR:
            return f"{unchanged}use x = {foreign_names.TENSOR[functional]}"
        if callable(getattr(Tensor, functional, None)):
            return f"{unchanged}use x = x.{functional}(...)"
        if functional in roof.__all__:
            return f"{unchanged}use x = nx.{functional}(x, ...)"
    if name in roof.__all__ and callable(getattr(roof, name)):
        return f"use nx.{name}(x, ...)"
    return nearest(name, dir(Tensor), "x")


def no_attribute(x: Tensor, name: str) -> Any:
    raise missing("a tensor", name, _advise)
