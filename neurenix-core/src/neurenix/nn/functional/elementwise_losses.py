"""Losses between two tensors of one shape, element by element: their mean, sum, or
each."""

from __future__ import annotations

from typing import Any

from ...arguments import between, one_of
from ...errors import InvalidArgumentError, ShapeError
from ...functions.activation import softplus
from ...functions.arithmetic import absolute, exp, log, maximum, where
from ...functions.operands import floating, operands
from ...functions.reduction import sum as total
from ...program import Symbol
from ...tensor import Tensor
from .losses import REDUCTIONS, reduced


def _pair(name: str, input: Any, target: Any, reduction: str) -> tuple[Tensor, Tensor]:
    one_of(name, "reduction", reduction, REDUCTIONS)
    x, y = (floating(name, v) for v in operands(name, input, target))
    if x.shape != y.shape:
        raise ShapeError(
            f"{name}: the input has shape {x.shape}, the target {y.shape}; "
            "they must be equal"
        )
    return x, y


def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """The absolute error |input − target|; its derivative at 0 is 0.

    Raises ShapeError where the shapes differ.

    >>> import neurenix as nx
    >>> nx.nn.functional.l1_loss(nx.tensor([1.0, 4.0]), nx.tensor([2.0, 1.0])).item()
    2.0
    """
    x, y = _pair("l1_loss", input, target, reduction)
    return reduced(absolute(x - y), reduction)


def huber_loss(
    input: Any, target: Any, reduction: str = "mean", delta: float = 1.0
) -> Tensor:
    """½ d² of errors d = input − target up to delta, delta · (|d| − ½ delta) of larger
    ones (Huber 1964).

    Raises ShapeError where the shapes differ.

    >>> import neurenix as nx
    >>> nx.nn.functional.huber_loss(nx.tensor([1.0, 3.0]), nx.zeros(2), "none").tolist()
    [0.5, 2.5]
    """
    x, y = _pair("huber_loss", input, target, reduction)
    delta = _above_zero("huber_loss", "delta", delta)
    gap = x - y
    size = absolute(gap)
    far = (size - 0.5 * delta) * delta
    return reduced(where(size <= delta, gap * gap * 0.5, far), reduction)


def smooth_l1_loss(
    input: Any, target: Any, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """`huber_loss` with delta = beta, divided by beta: ½ d² / beta up to beta, then
    |d| − ½ beta.

    >>> import neurenix as nx
    >>> f = nx.nn.functional.smooth_l1_loss
    >>> f(nx.tensor([1.0, 3.0]), nx.zeros(2), "none", beta=2.0).tolist()
    [0.25, 2.0]
    """
    x, y = _pair("smooth_l1_loss", input, target, reduction)
    beta = _above_zero("smooth_l1_loss", "beta", beta)
    gap = x - y
    size = absolute(gap)
    near = gap * gap * (0.5 / beta)
    return reduced(where(size < beta, near, size - 0.5 * beta), reduction)


def _above_zero(name: str, argument: str, value: Any) -> float:
    found = between(name, argument, value, 0.0)
    if not found:
        raise InvalidArgumentError(
            f"{name}: {argument}={value!r}; expected a number above 0"
        )
    return found


def binary_cross_entropy(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """−(t · log p + (1 − t) · log(1 − p)) of probabilities p and targets t from 0 to 1.
    Logarithms are -100 at least, as PyTorch's. Of logits see
    `binary_cross_entropy_with_logits`, which loses no digits.

    Raises ShapeError where the shapes differ, InvalidArgumentError for a p beyond 0 to
    1 where its value is at hand.

    >>> import neurenix as nx
    >>> loss = nx.nn.functional.binary_cross_entropy(nx.tensor([0.5]), nx.ones(1))
    >>> round(loss.item(), 4)  # log 2
    0.6931
    """
    p, t = _pair("binary_cross_entropy", input, target, reduction)
    _check_probabilities(p)
    losses = -(t * _bounded_log(p) + (1.0 - t) * _bounded_log(1.0 - p))
    return reduced(losses, reduction)


def _bounded_log(p: Tensor) -> Tensor:
    nothing = p <= 0  # where the derivative of the logarithm is none
    return where(nothing, -100.0, maximum(log(where(nothing, 1.0, p)), -100.0))


def _check_probabilities(p: Tensor) -> None:
    if isinstance(p.value().data, Symbol) or not p.type.size:
        return
    values = p.numpy()
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:
        raise InvalidArgumentError(
            f"binary_cross_entropy: an input of {low if low < 0 else high}; expected "
            "probabilities, 0 to 1 (of logits: binary_cross_entropy_with_logits)"
        )


def binary_cross_entropy_with_logits(
    input: Any, target: Any, reduction: str = "mean", pos_weight: Any = None
) -> Tensor:
    """−(w · t · log σ(x) + (1 − t) · log(1 − σ(x))) of logits x and targets t from 0 to
    1, without overflow.

    pos_weight   w, a number or a tensor that broadcasts; 1 without

    Raises ShapeError where the shapes differ.

    >>> import neurenix as nx
    >>> f = nx.nn.functional.binary_cross_entropy_with_logits
    >>> round(f(nx.zeros(2), nx.tensor([0.0, 1.0])).item(), 4)  # log 2
    0.6931
    """
    x, t = _pair("binary_cross_entropy_with_logits", input, target, reduction)
    if pos_weight is None:
        return reduced(softplus(x) - x * t, reduction)
    weight = floating("binary_cross_entropy_with_logits", pos_weight)
    return reduced(t * weight * softplus(-x) + (1.0 - t) * softplus(x), reduction)


def kl_div(
    input: Any, target: Any, reduction: str = "mean", log_target: bool = False
) -> Tensor:
    """t · (log t − input), of log-probabilities and probabilities t: summed over the
    classes, the divergence KL(t ‖ eⁱⁿᵖᵘᵗ). Where t is 0 it is 0.

    reduction    "mean" over all elements, "batchmean" (the sum by the first axis),
                 "sum" or "none"
    log_target   whether the target is log t

    Raises ShapeError where the shapes differ.

    >>> import neurenix as nx
    >>> p = nx.tensor([[0.5, 0.5]])
    >>> nx.nn.functional.kl_div(nx.log(p), p, "batchmean").item()
    0.0
    """
    one_of("kl_div", "reduction", reduction, (*REDUCTIONS, "batchmean"))
    whole = "sum" if reduction == "batchmean" else reduction
    x, t = _pair("kl_div", input, target, whole)
    if log_target:
        losses = exp(t) * (t - x)
    else:
        nothing = t <= 0
        logs = log(where(nothing, 1.0, t))
        losses = where(nothing, 0.0, t * (logs - x))
    if reduction == "batchmean":
        return total(losses) * (1.0 / max(x.shape[0], 1) if x.shape else 1.0)
    return reduced(losses, reduction)
