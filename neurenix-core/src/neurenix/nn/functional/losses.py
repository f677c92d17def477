"""Losses: how far outputs are from targets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...arguments import between, one_of, whole
from ...dtypes import bool_, int32
from ...errors import DtypeError, InvalidArgumentError, ShapeError
from ...functions.activation import log_softmax
from ...functions.arithmetic import not_equal, where
from ...functions.operands import as_tensor, cast, floating
from ...functions.reduction import mean
from ...functions.reduction import sum as total
from ...primitives import ops
from ...primitives.shorthands import scalar_like
from ...program import Symbol
from ...tensor import Tensor

REDUCTIONS = ("mean", "sum", "none")


def reduced(loss: Tensor, reduction: str) -> Tensor:
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
    one_of("mse_loss", "reduction", reduction, REDUCTIONS)
    x = floating("mse_loss", input, target)
    y = floating("mse_loss", target, x)
    if x.shape != y.shape:
        raise ShapeError(
            f"mse_loss: the input has shape {x.shape}, the target {y.shape}; "
            "they must be equal"
        )
    return reduced((x - y).square(), reduction)


def cross_entropy(
    input: Any,
    target: Any,
    reduction: str = "mean",
    *,
    weight: Any = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """−Σ_c target_c · log softmax(input)_c, over the classes c.

    input       logits [N, C] or [N, C, ...], or [C] for one example: classes on axis 1
    target      classes 0 .. C−1 as integers [N] or [N, ...]; or probabilities (one-hot
                too) as floats of the input's shape
    reduction   "mean" over the N (...) losses, "sum", or "none" for each
    weight      a factor for each class, [C]; the mean over classes as integers is then
                by the weights of the targets, as PyTorch's
    ignore_index   examples of this class count for nothing, in the mean too, which is
                   NaN of none
    label_smoothing   ε: the targets are (1 − ε) · target + ε / C

    Raises ShapeError for shapes that do not go together, DtypeError for bools, and
    InvalidArgumentError for a class outside 0 .. C−1; in a program, where values are
    not known, such an example has the loss 0.

    >>> import neurenix as nx
    >>> loss = nx.nn.functional.cross_entropy(nx.zeros(1, 2), nx.tensor([1]))
    >>> round(loss.item(), 4)  # log 2
    0.6931
    """
    one_of("cross_entropy", "reduction", reduction, REDUCTIONS)
    smoothing = between("cross_entropy", "label_smoothing", label_smoothing, 0.0, 1.0)
    logits = floating("cross_entropy", input)
    wanted = as_tensor(target, logits)
    if not logits.shape:
        raise ShapeError("cross_entropy: the input is a scalar; expected logits [N, C]")
    at = 1 if logits.ndim > 1 else 0
    logs = log_softmax(logits, at)
    if not wanted.dtype.is_floating:
        return _of_classes(
            "cross_entropy", logs, wanted, reduction, weight, ignore_index, smoothing
        )
    if wanted.shape != logits.shape:
        raise ShapeError(
            f"cross_entropy: probabilities have the input's shape {logits.shape}, "
            f"not {wanted.shape} (classes are integers)"
        )
    if ignore_index is not None:
        raise InvalidArgumentError(
            f"cross_entropy: ignore_index={ignore_index!r} with probabilities as "
            "targets; it is for classes as integers"
        )
    wanted = wanted.to(logits.dtype)
    if smoothing:
        wanted = wanted * (1.0 - smoothing) + smoothing / logits.shape[at]
    if weight is not None:
        wanted = wanted * _class_weights("cross_entropy", weight, logs, at)
    return reduced(-total(logs * wanted, at), reduction)


def nll_loss(
    input: Any,
    target: Any,
    reduction: str = "mean",
    *,
    weight: Any = None,
    ignore_index: int | None = None,
) -> Tensor:
    """−input_y of the class y: the negative log-likelihood, of log-probabilities.
    `cross_entropy` is this of `log_softmax`, whose arguments and errors it has.

    >>> import neurenix as nx
    >>> logs = nx.log(nx.tensor([[0.25, 0.75]]))
    >>> round(nx.nn.functional.nll_loss(logs, nx.tensor([0])).item(), 4)  # log 4
    1.3863
    """
    one_of("nll_loss", "reduction", reduction, REDUCTIONS)
    logs = floating("nll_loss", input)
    classes = as_tensor(target, logs)
    if not logs.shape:
        raise ShapeError("nll_loss: the input is a scalar; expected [N, C]")
    if classes.dtype.is_floating:
        raise DtypeError("nll_loss: float targets; expected classes as integers")
    return _of_classes("nll_loss", logs, classes, reduction, weight, ignore_index, 0.0)


def _of_classes(
    name: str,
    logs: Tensor,
    classes: Tensor,
    reduction: str,
    weight: Any,
    ignore_index: int | None,
    smoothing: float,
) -> Tensor:
    at = 1 if logs.ndim > 1 else 0
    kept = None
    if ignore_index is not None and classes.dtype is not bool_:
        if classes.dtype.itemsize < 4:
            classes = cast(classes, int32)  # which has negative numbers too
        kept = not_equal(classes, whole(name, "ignore_index", ignore_index))
        classes = where(kept, classes, 0)
    chosen = _chosen(name, logs, classes, at)
    zero = scalar_like(logs, 0)
    scaled = factors = logs
    if weight is not None:
        factors = _class_weights(name, weight, logs, at)
        scaled = logs * factors
    losses = -total(ops.where(chosen, scaled, zero), at)
    if smoothing:
        even = -total(scaled, at) * (smoothing / logs.shape[at])
        losses = losses * (1.0 - smoothing) + even
    if kept is not None:
        losses = ops.where(kept, losses, zero)
    if reduction != "mean" or (weight is None and kept is None):
        return reduced(losses, reduction)
    ones = total(ops.where(chosen, factors, zero), at) if weight is not None else 1.0
    shares = where(kept, ones, zero) if kept is not None else as_tensor(ones)
    return total(losses) / total(shares)


def _class_weights(name: str, weight: Any, logs: Tensor, at: int) -> Tensor:
    """[C] beside the logits."""
    factors = floating(name, weight).to(logs.dtype)
    if factors.shape != (logs.shape[at],):
        raise ShapeError(
            f"{name}: a weight of shape {factors.shape} for {logs.shape[at]} classes; "
            f"expected {(logs.shape[at],)}"
        )
    return ops.reshape(factors, shape=(logs.shape[at], *(1,) * (logs.ndim - at - 1)))


def _chosen(name: str, logits: Tensor, classes: Tensor, at: int) -> Tensor:
    """Whether c is the class, as a bool of the logits' shape."""
    count = logits.shape[at]
    expected = logits.shape[:at] + logits.shape[at + 1 :]
    if classes.dtype is bool_:
        raise DtypeError(
            f"{name}: bool targets; "
            "expected classes as integers, or probabilities as floats"
        )
    if classes.shape != expected:
        hint = (
            "; one-hot targets must be floats: .float()"
            if classes.shape == logits.shape
            else ""
        )
        raise ShapeError(
            f"{name}: for logits of shape {logits.shape} "
            f"classes have shape {expected}, not {classes.shape}{hint}"
        )
    check_classes(name, classes, count)
    index = ops.reshape(cast(classes, int32), shape=(*expected[:at], 1, *expected[at:]))
    ramp = ops.iota(shape=(count, *(1,) * (logits.ndim - at - 1)), axis=0, dtype=int32)
    return ops.equal(index, ramp)


def check_classes(name: str, classes: Tensor, count: int) -> None:
    """Refuses a class outside 0 .. count − 1; while a program is captured, values are
    unknown and pass."""
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
