"""The two halves of a meta-step: sums over some of a batch's tasks, which workers make,
and the update that follows from the sums over all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import neurenix as nx
from neurenix import optim, tree
from neurenix.nn.modes import mode

from ..method import Method
from ..tasks.batches import Read
from ..training.step import OfTasks, over_tasks, updated
from .flat import Layout, packed, unpacked
from .state import advance


def sums_program(method: Method, chunk: int) -> nx.Compiled:
    """The sums over neighbouring tasks of a batch, the first of which has the number
    `first` in it. It changes nothing but the streams that tasks draw from."""

    def sums(
        read: Read, data: Sequence[nx.Tensor], picks: nx.Tensor, first: nx.Tensor
    ) -> OfTasks:
        return over_tasks(method, read, data, picks, "sum", chunk, first)

    return nx.compile(sums, state=[method, nx.random.default_generator])


def flat_program() -> nx.Compiled:
    """The parts of a flat buffer that tensors make."""

    def flat(tensors: Sequence[nx.Tensor]) -> list[nx.Tensor]:
        return packed(tensors)

    return nx.compile(flat)


@lru_cache(maxsize=64)
def apart_program(layout: Layout) -> nx.Compiled:
    """The tensors in the parts of a flat buffer."""

    def apart(parts: Sequence[nx.Tensor]) -> list[nx.Tensor]:
        return unpacked(parts, layout)

    return nx.compile(apart)


@dataclass(frozen=True)
class UpdateKey:
    """Which program makes an update: of which optimizer."""

    optimizer: int


def kept_update_program(method: Method, optimizer: optim.Optimizer) -> nx.Compiled:
    """The update that a method keeps for its present optimizer."""
    mine = UpdateKey(id(optimizer))  # the program keeps it alive: none else gets its id
    method.programs.forget(lambda key: isinstance(key, UpdateKey) and key != mine)
    return method.compiled(mine, partial(update_program, method, optimizer))


def update_program(method: Method, optimizer: optim.Optimizer) -> nx.Compiled:
    """The rest of a meta-step: it is given the sums over `count` tasks, and which
    random streams the tasks have drawn from. Returns ((loss, metrics), ok), as the step
    of one process does, by the same instructions."""

    def update(
        sums: OfTasks, count: int, drawn: tuple[int, ...]
    ) -> tuple[nx.Tensor, dict[str, nx.Tensor]]:
        leaves, structure = tree.flatten(sums)
        means = tree.unflatten(structure, [x * (1.0 / count) for x in leaves])
        with mode(method, training=True), nx.no_grad():
            advance(method, drawn)
            return updated(method, optimizer, means)

    return nx.compile(
        update, state=[method, optimizer, nx.random.default_generator], guard=True
    )
