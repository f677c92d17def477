"""Losses as layers: callables that hold their settings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import one_of
from ..errors import InvalidArgumentError
from ..tensor import Tensor
from . import functional
from .functional.losses import REDUCTIONS
from .module import Module


def _numbers(what: str, weight: Any) -> tuple[float, ...] | None:
    """Class weights as plain numbers: settings, of which a program depends."""
    if weight is None:
        return None
    listed = np.asarray(weight, np.float64)
    if listed.ndim != 1 or not np.isfinite(listed).all() or (listed < 0).any():
        raise InvalidArgumentError(
            f"{what}={weight!r}; expected a list of numbers of 0 or more, one a class"
        )
    return tuple(listed.tolist())


class Loss(Module):
    """The base of losses: called with an input and a target."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = one_of(type(self).__name__, "reduction", reduction, REDUCTIONS)

    def extra_repr(self) -> str:
        return "" if self.reduction == "mean" else f"reduction={self.reduction!r}"


class CrossEntropyLoss(Loss):
    """`functional.cross_entropy` with its settings.

    >>> import neurenix as nx
    >>> loss = nx.nn.CrossEntropyLoss(label_smoothing=0.1)
    >>> round(loss(nx.zeros(1, 2), nx.tensor([1])).item(), 4)  # log 2
    0.6931
    """

    def __init__(
        self,
        weight: Any = None,
        ignore_index: int | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction)
        self.weight = _numbers("CrossEntropyLoss: weight", weight)
        self.ignore_index: int | None = ignore_index
        self.label_smoothing: float = label_smoothing

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return functional.cross_entropy(
            input,
            target,
            self.reduction,
            weight=self.weight,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(Loss):
    """`functional.nll_loss` with its settings."""

    def __init__(
        self,
        weight: Any = None,
        ignore_index: int | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.weight = _numbers("NLLLoss: weight", weight)
        self.ignore_index: int | None = ignore_index

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return functional.nll_loss(
            input,
            target,
            self.reduction,
            weight=self.weight,
            ignore_index=self.ignore_index,
        )


class MSELoss(Loss):
    """`functional.mse_loss`: the squared error.

    >>> import neurenix as nx
    >>> nx.nn.MSELoss()(nx.tensor([1.0, 3.0]), nx.tensor([1.0, 1.0])).item()
    2.0
    """

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return functional.mse_loss(input, target, self.reduction)


class L1Loss(Loss):
    """`functional.l1_loss`: the absolute error."""

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return functional.l1_loss(input, target, self.reduction)


class SmoothL1Loss(Loss):
    """`functional.smooth_l1_loss` with its settings."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta: float = beta

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return functional.smooth_l1_loss(input, target, self.reduction, self.beta)


class HuberLoss(Loss):
    """`functional.huber_loss` with its settings."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta: float = delta

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return functional.huber_loss(input, target, self.reduction, self.delta)


class BCELoss(Loss):
    """`functional.binary_cross_entropy`, of probabilities."""

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return functional.binary_cross_entropy(input, target, self.reduction)


class BCEWithLogitsLoss(Loss):
    """`functional.binary_cross_entropy_with_logits`.

    pos_weight   of the examples whose target is 1: a number, or one for each output
    """

    def __init__(self, reduction: str = "mean", pos_weight: Any = None) -> None:
        super().__init__(reduction)
        plain = isinstance(pos_weight, (int, float)) and math.isfinite(pos_weight)
        self.pos_weight: float | tuple[float, ...] | None = (
            pos_weight
            if plain
            else _numbers("BCEWithLogitsLoss: pos_weight", pos_weight)
        )

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return functional.binary_cross_entropy_with_logits(
            input, target, self.reduction, self.pos_weight
        )


class KLDivLoss(Module):
    """`functional.kl_div` with its settings."""

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__()
        choices = (*REDUCTIONS, "batchmean")
        self.reduction = one_of("KLDivLoss", "reduction", reduction, choices)
        self.log_target: bool = bool(log_target)

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return functional.kl_div(input, target, self.reduction, self.log_target)
