"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..arguments import between
from ..functions.arithmetic import sqrt
from ..nn.parameter import Parameter
from ..tensor import Tensor
from .optimizer import Optimizer, check_momentum


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
        params: Iterable[Parameter] | Iterable[dict[str, Any]],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
    ) -> None:
        self.alpha: float
        self.eps: float
        self.weight_decay: float
        self.momentum: float
        super().__init__(
            params,
            lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
        )
        self._square = self._like_params("square_avg")
        self._momentum = self._like_params(
            "momentum", lambda i: bool(self.option("momentum", i))
        )

    def checked(self, name: str, value: Any) -> Any:
        if name == "alpha":
            return between("RMSprop", "alpha", value, 0.0, 1.0)
        return super().checked(name, value)

    def check(self) -> None:
        check_momentum(self, self._momentum)

    def update(self, index: int, p: Tensor, g: Tensor) -> Tensor:
        decay, momentum = (self.option(n, index) for n in ("weight_decay", "momentum"))
        if decay:
            g = g + p * decay
        v = self._square[index]
        square = v + (g * g - v) * (1.0 - self.option("alpha", index))
        v.assign(square)
        g = g / (sqrt(square) + self.option("eps", index))
        cell = self._momentum[index]
        if cell is not None:
            g = cell * momentum + g
            cell.assign(g)
        return p - self.rate(p) * g
