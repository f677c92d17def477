"""Adam, and Adam with weight decay apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..arguments import plain_number
from ..attributes import changes
from ..errors import InvalidArgumentError
from ..functions.arithmetic import sqrt
from ..nn.parameter import Parameter
from ..state.cell import Cell
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
        params: Iterable[Parameter] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self.betas: tuple[float, float]
        self.eps: float
        self.weight_decay: float
        super().__init__(params, lr, betas=betas, eps=eps, weight_decay=weight_decay)
        self._first = self._like_params("exp_avg")
        self._second = self._like_params("exp_avg_sq")
        self._corrections = [
            self._pair(lambda name, g=g: self.of_group(name, g))  # type: ignore[misc]
            for g in range(len(self.param_groups))
        ]
        self._own: dict[int, tuple[Cell, Cell]] = {}
        self._shared: list[tuple[Tensor, Tensor]] = []

    def _pair(self, named: Callable[[str], str]) -> tuple[Cell, Cell]:
        return self._scalar(named("correction1")), self._scalar(named("correction2"))

    def checked(self, name: str, value: Any) -> Any:
        if name != "betas":
            return super().checked(name, value)
        several = value if isinstance(value, (tuple, list)) else ()
        found = [b for b in map(plain_number, several) if b is not None and 0 <= b < 1]
        if len(several) != 2 or len(found) != 2:
            raise InvalidArgumentError(
                f"{type(self).__name__}: betas={value!r}; "
                "expected two numbers from 0 to below 1"
            )
        return found[0], found[1]

    def set_apart(self, index: int) -> None:
        """A parameter that is not updated at some steps has corrections of its own,
        which are of the steps that it makes."""
        own = self._pair(lambda name: f"{name}.{index}")
        for cell, common in zip(own, self._corrections[self._group[index]]):
            cell.assign(common.value())
        self._own[index] = own
        changes.note()

    def completed(self, state: Any) -> Any:
        found = dict(state) if isinstance(state, Mapping) else {}
        if not found:
            return state
        for i, g in enumerate(self._group):
            for name in ("correction1", "correction2"):
                own, common = f"{name}.{i}", self.of_group(name, g)
                if own in found and i not in self._apart:
                    self._set_apart(i)
                elif own not in found and i in self._apart and common in found:
                    found[own] = found[common]
        return found

    def prepare(self) -> None:
        shared = [
            self._corrected(cells, g) for g, cells in enumerate(self._corrections)
        ]
        object.__setattr__(self, "_shared", shared)

    def _corrected(self, cells: tuple[Cell, Cell], group: int) -> tuple[Tensor, Tensor]:
        """lr / (1 − β₁ᵗ) and √(1 − β₂ᵗ), with t one more than before."""
        betas = self.option_of_group("betas", group)
        for cell, beta in zip(cells, betas, strict=True):
            cell.assign(cell + (1.0 - cell) * (1.0 - beta))
        first, second = cells
        return self._rates[group] / first, sqrt(second)

    def update(self, index: int, p: Tensor, g: Tensor) -> Tensor:
        group = self._group[index]
        own = self._own.get(index)
        both = self._shared[group] if own is None else self._corrected(own, group)
        size, root = (s.to(p.dtype) for s in both)
        decay = self.option("weight_decay", index)
        betas = self.option("betas", index)
        if decay and self.decoupled:
            p = p - p * (self.rate(p) * decay)
        elif decay:
            g = g + p * decay
        m, v = self._first[index], self._second[index]
        first = m + (g - m) * (1.0 - betas[0])
        second = v + (g * g - v) * (1.0 - betas[1])
        m.assign(first)
        v.assign(second)
        return p - size * first / (sqrt(second) / root + self.option("eps", index))


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
        params: Iterable[Parameter] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)
