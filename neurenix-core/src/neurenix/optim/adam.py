"""Adam, and Adam with weight decay apart."""

from __future__ import annotations

from collections.abc import Iterable

from ..arguments import plain_number
from ..errors import InvalidArgumentError
from ..functions.arithmetic import sqrt
from ..nn.arguments import number
from ..nn.parameter import Parameter
from ..tensor import Tensor
from .optimizer import Optimizer


class Adam(Optimizer):
    """m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²;
    p ← p − lr · m̂ / (√v̂ + eps), with m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ).

    weight_decay adds weight_decay·p to g (L2). As PyTorch's; Kingma & Ba 2015.

    1 − βᵗ is kept as a running value c ← c + (1 − β)(1 − c): in float32 the difference
    of 1 and a number near it would lose half of its digits.

    >>> import neurenix as nx
    >>> p = nx.nn.Parameter([1.0])
    >>> optimizer = nx.optim.Adam([p], lr=0.1)
    >>> optimizer.step([nx.tensor([3.0])])
    >>> round(p.item(), 4)  # the first step is lr long
    0.9
    """

    decoupled = False  # whether weight_decay stays out of the moments

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr)
        kind = type(self).__name__
        several = betas if isinstance(betas, (tuple, list)) else ()
        found = [b for b in map(plain_number, several) if b is not None and 0 <= b < 1]
        if len(several) != 2 or len(found) != 2:
            raise InvalidArgumentError(
                f"{kind}: betas={betas!r}; expected two numbers from 0 to below 1"
            )
        self.betas = (found[0], found[1])
        self.eps: float = number(f"{kind}: eps", eps, 0.0)
        self.weight_decay: float = number(f"{kind}: weight_decay", weight_decay, 0.0)
        self._first = self._like_params("exp_avg")
        self._second = self._like_params("exp_avg_sq")
        self._corrections = [self._scalar("correction1"), self._scalar("correction2")]
        self._shared: tuple[Tensor, Tensor] | None = None

    def prepare(self) -> None:
        for cell, beta in zip(self._corrections, self.betas, strict=True):
            cell.assign(cell + (1.0 - cell) * (1.0 - beta))
        first, second = self._corrections
        object.__setattr__(self, "_shared", (self._lr / first, sqrt(second)))

    def update(self, index: int, p: Tensor, g: Tensor) -> Tensor:
        assert self._shared is not None
        size, root = (s.to(p.dtype) for s in self._shared)
        if self.weight_decay and self.decoupled:
            p = p - p * (self.rate(p) * self.weight_decay)
        elif self.weight_decay:
            g = g + p * self.weight_decay
        m, v = self._first[index], self._second[index]
        first = m + (g - m) * (1.0 - self.betas[0])
        second = v + (g * g - v) * (1.0 - self.betas[1])
        m.assign(first)
        v.assign(second)
        return p - size * first / (sqrt(second) / root + self.eps)


class AdamW(Adam):
    """p ← p − lr · weight_decay · p, then Adam's step: the decay does not pass through
    the moments. As PyTorch's; Loshchilov & Hutter 2019.

    >>> import neurenix as nx
    >>> p = nx.nn.Parameter([1.0])
    >>> optimizer = nx.optim.AdamW([p], lr=0.1, weight_decay=0.5)
    >>> optimizer.step([nx.tensor([3.0])])
    >>> round(p.item(), 4)  # 1 − 0.1 · 0.5 · 1, and a step of lr
    0.85
    """

    decoupled = True

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)
