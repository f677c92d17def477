"""Losses: how far outputs are from targets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import bool_, int32
from ..errors import DtypeError, InvalidArgumentError, ShapeError
from ..functions.activation import log_softmax
from ..functions.common import as_tensor, cast, floating
from ..functions.reduction import mean
from ..functions.reduction import sum as total
from ..primitives import ops
from ..primitives.base import scalar_like
from ..program import Symbol
from ..tensor import Tensor
from .arguments import one_of

REDUCTIONS = ("mean", "sum", "none")


def _reduced(loss: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return loss
    return mean(loss) if reduction == "mean" else total(loss)


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """The squared error (input − target)²: its mean over all elements, its sum, or
    each.

    Raises ShapeError where the shapes differ: [n, 1] against [n] would be n × n errors.

    >>> import neurenix as nx
    >>> nx.nn.functional.mse_loss(nx.tensor([1.0, 3.0]), nx.tensor([1.0, 1.0])).item()
    2.0
    """
    one_of("mse_loss: reduction", reduction, REDUCTIONS)
    x = floating("mse_loss", input, target)
    y = floating("mse_loss", target, x)
    if x.shape != y.shape:
        raise ShapeError(
            f"mse_loss: the input has shape {x.shape}, the target {y.shape}; "
            "they must be equal"
        )
    return _reduced((x - y).square(), reduction)


def cross_entropy(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """−Σ_c target_c · log softmax(input)_c, over the classes c.

    input       logits [N, C] or [N, C, ...], or [C] for one example: classes on axis 1
    target      classes 0 .. C−1 as integers [N] or [N, ...]; or probabilities (one-hot
                too) as floats of the input's shape
    reduction   "mean" over the N (...) losses, "sum", or "none" for each

    Raises ShapeError for shapes that do not go together, DtypeError for bools, and
    InvalidArgumentError for a class outside 0 .. C−1 where its value is at hand.

    >>> import neurenix as nx
    >>> loss = nx.nn.functional.cross_entropy(nx.zeros(1, 2), nx.tensor([1]))
    >>> round(loss.item(), 4)  # log 2
    0.6931
    """
    one_of("cross_entropy: reduction", reduction, REDUCTIONS)
    logits = floating("cross_entropy", input)
    wanted = as_tensor(target, logits)
    if not logits.shape:
        raise ShapeError("cross_entropy: the input is a scalar; expected logits [N, C]")
    at = 1 if logits.ndim > 1 else 0
    logs = log_softmax(logits, at)
    if wanted.dtype.is_floating:
        if wanted.shape != logits.shape:
            raise ShapeError(
                f"cross_entropy: probabilities have the input's shape {logits.shape}, "
                f"not {wanted.shape} (classes are integers)"
            )
        picked = logs * wanted.to(logits.dtype)
    else:
        picked = ops.where(_chosen(logits, wanted, at), logs, scalar_like(logs, 0))
    return _reduced(-total(picked, at), reduction)


def _chosen(logits: Tensor, classes: Tensor, at: int) -> Tensor:
    """Whether c is the class, as a bool of the logits' shape."""
    count = logits.shape[at]
    expected = logits.shape[:at] + logits.shape[at + 1 :]
    if classes.dtype is bool_:
        raise DtypeError(
            "cross_entropy: bool targets; "
            "expected classes as integers, or probabilities as floats"
        )
    if classes.shape != expected:
        hint = (
            "; one-hot targets must be floats: .float()"
            if classes.shape == logits.shape
            else ""
        )
        raise ShapeError(
            f"cross_entropy: for logits of shape {logits.shape} "
            f"classes have shape {expected}, not {classes.shape}{hint}"
        )
    check_classes("cross_entropy", classes, count)
    index = ops.reshape(cast(classes, int32), shape=(*expected[:at], 1, *expected[at:]))
    ramp = ops.iota(shape=(count, *(1,) * (logits.ndim - at - 1)), axis=0, dtype=int32)
    return ops.equal(index, ramp)


def check_classes(name: str, classes: Tensor, count: int) -> None:
    """That all are 0 .. count − 1; of values that are being captured nothing is
    known."""
    if isinstance(classes.value().data, Symbol) or not math.prod(classes.shape):
        return
    values: np.ndarray[Any, Any] = classes.value().numpy()
    low, high = int(values.min()), int(values.max())
    if low < 0 or high >= count:
        bad = low if low < 0 else high
        raise InvalidArgumentError(
            f"{name}: class {bad} in the target, "
            f"but there are {count} classes (0 to {count - 1})"
        )
