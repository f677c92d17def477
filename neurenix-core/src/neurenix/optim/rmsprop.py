"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable

from ..functions.arithmetic import sqrt
from ..nn.arguments import number
from ..nn.parameter import Parameter
from ..tensor import Tensor
from .optimizer import Optimizer


class RMSprop(Optimizer):
    """v ← αv + (1 − α)g²;  b ← momentum·b + g / (√v + eps);  p ← p − lr·b.

    weight_decay adds weight_decay·p to g (L2). As PyTorch's; Hinton 2012 (lecture 6e).

    >>> import neurenix as nx
    >>> p = nx.nn.Parameter([1.0])
    >>> optimizer = nx.optim.RMSprop([p], lr=0.1, alpha=0.75)
    >>> optimizer.step([nx.tensor([3.0])])
    >>> round(p.item(), 4)  # g / √(¼ g²) is 2
    0.8
    """

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
    ) -> None:
        super().__init__(params, lr)
        self.alpha: float = number("RMSprop: alpha", alpha, 0.0, 1.0)
        self.eps: float = number("RMSprop: eps", eps, 0.0)
        self.weight_decay: float = number("RMSprop: weight_decay", weight_decay, 0.0)
        self.momentum: float = number("RMSprop: momentum", momentum, 0.0)
        self._square = self._like_params("square_avg")
        self._momentum = self._like_params("momentum") if momentum else []

    def update(self, index: int, p: Tensor, g: Tensor) -> Tensor:
        if self.weight_decay:
            g = g + p * self.weight_decay
        v = self._square[index]
        square = v + (g * g - v) * (1.0 - self.alpha)
        v.assign(square)
        g = g / (sqrt(square) + self.eps)
        if self._momentum:
            cell = self._momentum[index]
            g = cell * self.momentum + g
            cell.assign(g)
        return p - self.rate(p) * g
