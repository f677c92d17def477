"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import InvalidArgumentError
from ..nn.parameter import Parameter
from ..tensor import Tensor
from .optimizer import Optimizer, check_momentum


class SGD(Optimizer):
    """g ← g + weight_decay·p;  b ← momentum·b + g;  p ← p − lr·b, or with `nesterov`
    p − lr·(g + momentum·b). As PyTorch's.

    Sutskever et al. 2013 (momentum).

    >>> import neurenix as nx
    >>> p = nx.nn.Parameter([1.0])
    >>> optimizer = nx.optim.SGD([p], lr=0.5)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.tolist()
    [0.0]
    """

    def __init__(
        self,
        params: Iterable[Parameter] | Iterable[dict[str, Any]],
        lr: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        self.momentum: float
        self.weight_decay: float
        self.nesterov: bool
        super().__init__(
            params, lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov
        )
        for group in self.param_groups:
            if group["nesterov"] and not group["momentum"]:
                raise InvalidArgumentError("SGD: nesterov needs a momentum above 0")
        self._momentum = self._like_params(
            "momentum", lambda i: bool(self.option("momentum", i))
        )

    def checked(self, name: str, value: Any) -> Any:
        return bool(value) if name == "nesterov" else super().checked(name, value)

    def check(self) -> None:
        check_momentum(self, self._momentum)

    def update(self, index: int, p: Tensor, g: Tensor) -> Tensor:
        decay, momentum = (self.option(n, index) for n in ("weight_decay", "momentum"))
        if decay:
            g = g + p * decay
        cell = self._momentum[index]
        if cell is not None:
            moved = cell * momentum + g
            cell.assign(moved)
            g = g + moved * momentum if self.option("nesterov", index) else moved
        return p - self.rate(p) * g
