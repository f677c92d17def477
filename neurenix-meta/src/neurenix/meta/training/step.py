"""The meta-step: one compiled function, made for an optimizer and a bound on memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import neurenix as nx
from neurenix import nn, optim
from neurenix.nn.modes import mode

from ..memory import MemoryPlan, largest_calls, planned
from ..method import Method
from ..returned import gradient_of
from ..tasks.batches import Batch, Read, Source
from .optimizers import names_of

# A meta-step's loss and metrics by name: scalar tensors, or NumPy's numbers, which
# callbacks use as the floats that they are.
Numbers = Mapping[str, Any]


@dataclass(frozen=True)
class StepKey:
    """Which program makes a meta-step: of which optimizer, so many tasks at once."""

    optimizer: int
    chunk: int


def step_program(method: Method, optimizer: optim.Optimizer, chunk: int) -> nx.Compiled:
    """The meta-step that a method keeps for its present optimizer."""
    # The program keeps its optimizer alive: no other can get this id.
    mine = id(optimizer)
    method.programs.forget(lambda k: isinstance(k, StepKey) and k.optimizer != mine)
    make = partial(meta_step, method, optimizer, chunk)
    return method.compiled(StepKey(mine, chunk), make)


def meta_step(method: Method, optimizer: optim.Optimizer, chunk: int) -> nx.Compiled:
    """The compiled function of a batch: loss and gradient of each task, their mean over
    the tasks, the optimizer's update.

    A task's loss and its derivative are taken inside the map: a task's whole chain runs
    on one core, and nothing but gradients leaves it. Returns ((loss, metrics), ok);
    where ok is False nothing was changed. `first` is as of `over_tasks`.
    """

    def step(
        read: Read,
        data: Sequence[nx.Tensor],
        picks: nx.Tensor,
        first: int | nx.Tensor = 0,
    ) -> tuple[nx.Tensor, dict[str, nx.Tensor]]:
        means = over_tasks(method, read, data, picks, "mean", chunk, first)
        with mode(method, training=True), nx.no_grad():
            return updated(method, optimizer, means)

    return nx.compile(
        step, state=[method, optimizer, nx.random.default_generator], guard=True
    )


class OfTasks(NamedTuple):
    """What a meta-step takes from its tasks: a sum or a mean over them.

    buffers    those whose mean over the tasks is kept, by name
    gradient   by the parameter's name
    """

    loss: nx.Tensor
    metrics: dict[str, nx.Tensor]
    buffers: dict[str, nx.Tensor]
    gradient: dict[str, nx.Tensor]


def over_tasks(
    method: Method,
    read: Read,
    data: Sequence[nx.Tensor],
    picks: nx.Tensor,
    reduce: str,
    chunk: int,
    first: int | nx.Tensor = 0,
) -> OfTasks:
    """The sum or the mean over tasks, of which the first has the number `first` within
    its batch: within a program."""
    parameters = method.learned()
    kept = {n for n, b in method.named_buffers() if b.reduction == "mean"}

    def one(pick: nx.Tensor) -> OfTasks:
        returned = method.task_gradient(parameters, read(data, pick))
        outcome, gradient = gradient_of(method, returned, parameters)
        buffers = {n: b for n, b in outcome.buffers.items() if n in kept}
        return OfTasks(outcome.loss, dict(outcome.metrics), buffers, gradient)

    with mode(method, training=True), nx.no_grad():
        found: OfTasks = nx.map(one, reduce=reduce, chunk=chunk, first=first)(picks)
        return found


def updated(
    method: Method, optimizer: optim.Optimizer, means: OfTasks
) -> tuple[nx.Tensor, dict[str, nx.Tensor]]:
    """Gives a method the buffers and the optimizer's update that follow from the means
    over a batch; loss and metrics are the result."""
    order = names_of(optimizer, method)
    nn.assign_buffers(method, means.buffers)
    optimizer.step([means.gradient.get(name) for name in order])
    return means.loss, means.metrics


def planned_step(
    method: Method,
    optimizer: optim.Optimizer,
    limit: int,
    source: Source,
    size: int,
    epochs: int,
) -> tuple[nx.Compiled, MemoryPlan]:
    """The meta-step that takes the most tasks at once within the limit, in each of the
    epochs."""
    make = partial(step_program, method, optimizer)
    steps: list[tuple[nx.Compiled, MemoryPlan]] = []
    try:
        for epoch in method.epochs_of_new_programs():
            if epoch < epochs:
                method.begin_epoch(epoch)
                steps.append(planned(limit, size, make, largest_calls(source, size)))
    finally:
        method.begin_epoch(0)
    step, plan = min(steps, key=lambda pair: pair[1].chunk or size)
    return step, plan._replace(bytes=max(other.bytes for _, other in steps))


def grouped(batches: Iterable[Batch], most: int) -> Iterator[list[Batch]]:
    """Neighbours that one call can take: of one bucket, and of one size."""
    group: list[Batch] = []
    for batch in batches:
        alike = group and (
            batch.bucket is group[0].bucket and len(batch.picks) == len(group[0].picks)
        )
        if group and not alike:
            yield group
            group = []
        group.append(batch)
        if len(group) == most:
            yield group
            group = []
    if group:
        yield group


def rows_of(
    results: tuple[nx.Tensor, dict[str, nx.Tensor]], ok: nx.Tensor
) -> list[tuple[Numbers, bool]]:
    """Each step's numbers, and whether they are finite, from stacked ones."""
    loss, metrics = results
    columns = {name: x.numpy() for name, x in {"loss": loss, **metrics}.items()}
    return [
        ({name: column[i] for name, column in columns.items()}, bool(good))
        for i, good in enumerate(ok.numpy())
    ]
