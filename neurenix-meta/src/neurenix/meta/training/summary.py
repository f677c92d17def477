"""LearnerSummary: a learner's layers, and what a meta-step on some tasks takes."""

from __future__ import annotations

from dataclasses import dataclass

import neurenix as nx
from neurenix import optim
from neurenix.nn.summary import Summary, in_units, summary

from ..memory import largest_calls
from ..method import Method
from ..tasks.kinds import using
from ..tasks.sampler import TaskSampler
from ..tasks.sources import Tasks
from .data import data_of
from .options import Training
from .step import meta_step


@dataclass(frozen=True)
class LearnerSummary:
    """What `MetaLearner.summary` returns; printed, it is a table.

    method            the method's name
    model             the layers of its network
    tasks_per_batch   tasks of the meta-step
    memory_bytes      what the meta-step's program takes beside data, parameters and the
                      optimizer's state, all tasks at once as the engine chooses; None
                      on a device that plans no memory
    memory_of_one     likewise with one task at a time (chunk=1), the least that
                      max_memory= can be
    state_bytes       what the optimizer keeps
    """

    method: str
    model: Summary
    tasks_per_batch: int = 0
    memory_bytes: int | None = None
    memory_of_one: int | None = None
    state_bytes: int = 0

    def __str__(self) -> str:
        lines = [f"{self.method} of", str(self.model)]
        if not self.tasks_per_batch:
            return "\n".join(lines)
        if self.memory_bytes is None or self.memory_of_one is None:
            told = "not known on this device"
        else:
            told = (
                f"{in_units(self.memory_bytes)} ({self.memory_bytes:,} bytes), one "
                f"task at a time {in_units(self.memory_of_one)} "
                f"({self.memory_of_one:,})"
            )
        lines += [
            f"meta-step of {self.tasks_per_batch} tasks: {told}",
            f"optimizer's state: {in_units(self.state_bytes)}",
        ]
        return "\n".join(lines)


def summary_of(
    method: Method, tasks: Tasks | None, tasks_per_batch: int, meta_lr: float
) -> LearnerSummary:
    """The summary; no program of these is kept, and nothing of the method changes."""
    name = type(method).__name__
    if tasks is None:
        return LearnerSummary(name, summary(method.model))
    endless = isinstance(tasks, TaskSampler) and tasks.tasks is None
    options = Training(
        tasks_per_batch=tasks_per_batch, steps_per_epoch=1 if endless else None
    )
    data = data_of(method, tasks, None, options)
    calls = largest_calls(data.source, data.batch)
    optimizer = optim.Adam(method.parameters(), lr=meta_lr)
    kept = optimizer.state_dict().values()
    with using(method, data.kinds):
        found: list[int | None] = []
        for chunk in (0, 1):
            program = meta_step(method, optimizer, chunk)
            sizes = [program.memory_bytes(*call) for call in calls]
            known = [n for n in sizes if n is not None]
            found.append(max(known) if len(known) == len(sizes) else None)
        read, values, picks = calls[0]
        layers = summary(
            method.model, *method.network_inputs(read(values, nx.tensor(picks[0])))
        )
    return LearnerSummary(
        name,
        layers,
        data.batch,
        found[0],
        found[1],
        sum(x.size * x.dtype.itemsize for x in kept if isinstance(x, nx.Tensor)),
    )
