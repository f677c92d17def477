"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import InvalidArgumentError
from ..nn.arguments import number
from ..nn.parameter import Parameter
from ..tensor import Tensor
from .optimizer import Optimizer


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
        params: Iterable[Parameter],
        lr: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr)
        self.momentum: float = number("SGD: momentum", momentum, 0.0)
        self.weight_decay: float = number("SGD: weight_decay", weight_decay, 0.0)
        self.nesterov: bool = bool(nesterov)
        if nesterov and not momentum:
            raise InvalidArgumentError("SGD: nesterov needs a momentum above 0")
        self._momentum = self._like_params("momentum") if momentum else []

    def update(self, index: int, p: Tensor, g: Tensor) -> Tensor:
        if self.weight_decay:
            g = g + p * self.weight_decay
        if self._momentum:
            cell = self._momentum[index]
            moved = cell * self.momentum + g
            cell.assign(moved)
            g = g + moved * self.momentum if self.nesterov else moved
        return p - self.rate(p) * g
