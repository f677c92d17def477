"""Adapting: what a method makes of one support set, by one compiled function."""

from __future__ import annotations

from dataclasses import dataclass

import neurenix as nx
from neurenix.nn.modes import mode

from ..method import Method
from ..tasks.kinds import using
from ..tasks.support import SupportSet


@dataclass(frozen=True)
class AdaptationKey:
    """Which program adapts: by how many steps."""

    steps: int


def adaptation(
    method: Method, support: SupportSet, steps: int = 0
) -> dict[str, nx.Tensor]:
    """The tensors that the method's `task_adaptation` gives for a support set."""

    def adapt(x: nx.Tensor, y: nx.Tensor, ways: int | None) -> dict[str, nx.Tensor]:
        with nx.no_grad():
            return method.task_adaptation(method.learned(), x, y, ways, steps)

    state = [method, nx.random.default_generator]
    key = AdaptationKey(steps)
    program = method.compiled(key, lambda: nx.compile(adapt, state=state))
    with using(method, support.kinds), mode(method, training=False):
        adapted: dict[str, nx.Tensor] = program(support.x, support.y, support.ways)
        return adapted
