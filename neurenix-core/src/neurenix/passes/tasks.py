"""Decides how a map runs on a device that runs tasks: each iteration by one group of
lanes, or all of them together, as operations with one more axis.

It is asked before the bodies are fused, since no batch rule expands a fused chain. It
depends on sizes and the device's numbers alone, never on a measured time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import InvalidArgumentError
from ..primitives import ops
from ..program.ir import Instruction, Program, Symbol
from ..program.memo import derived
from .limits import USUAL, Limits


@dataclass(frozen=True)
class TaskCosts:
    """The numbers of a device. Times are in multiply-adds of one lane.

    lanes          of a group, which runs one task
    groups         that run at once
    barrier        the time between two steps of a task
    dispatch       the time of one more operation on the whole device
    most_work      multiply-adds of a step above which a body is expanded
    most_elements  elements of a step above which it is
    most_operands  inputs and outputs of a map above which it is; 0: no limit
    most_steps     of a task above which it is, as where a compiler is slow on long
                   kernels; 0: no limit
    most_time      of a task above which it is: systems end what holds a device for
                   seconds; 0: no limit
    memory_bytes   what the values of expanded iterations may take, so that more of them
                   go in chunks; 0: no limit
    unknown        primitives that no task runs: bodies with one are expanded
    """

    lanes: int = 256
    groups: int = 32
    barrier: float = 1000.0
    dispatch: float = 30000.0
    most_work: int = 1 << 22
    most_elements: int = 1 << 16
    most_operands: int = 0
    most_steps: int = 0
    most_time: float = 0.0
    memory_bytes: int = 0
    unknown: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        least = min(self.lanes, self.groups, self.most_work, self.most_elements)
        others = (
            *(self.barrier, self.dispatch, self.memory_bytes),
            *(self.most_operands, self.most_steps, self.most_time),
        )
        if least < 1 or min(others) < 0:
            raise InvalidArgumentError(f"{self}: a number is too small")


@dataclass(frozen=True)
class Way:
    """How a map runs. `chunk`: how many iterations at once; 0: all."""

    kept: bool
    chunk: int = 0


@dataclass(frozen=True)
class BodySize:
    """What one iteration of a body takes.

    steps       operations, one after the other
    largest     multiply-adds of the largest of them, and
    elements    elements of the largest result
    work        multiply-adds of all
    kept_time   of one group of lanes, without barriers
    """

    steps: int
    largest: int
    elements: int
    work: int
    kept_time: int


def way_of(i: Instruction, costs: TaskCosts, limits: Limits = USUAL) -> Way:
    """How a map runs best: the estimated time of a task for each group, in turns,
    beside that of as many dispatches as a task has steps.

    >>> import neurenix as nx
    >>> def mapped(width):
    ...     f = nx.map(lambda x: nx.tanh(x @ x))
    ...     program = nx.capture(f, nx.ones(4, width, width))
    ...     return next(i for i in program.instructions if i.primitive.name == "map")
    >>> way_of(mapped(8), TaskCosts()), way_of(mapped(256), TaskCosts())
    (Way(kept=True, chunk=0), Way(kept=False, chunk=0))
    """
    body, iterations, chunk = (
        i.params[name] for name in ("body", "iterations", "chunk")
    )
    operands = len(i.inputs) + len(i.outputs)
    few = not costs.most_operands or operands <= costs.most_operands
    if few and _is_kept(body, iterations, costs):
        return Way(True, chunk)
    fitting = 0
    if costs.memory_bytes and iterations:
        most = costs.memory_bytes // max(peak_bytes(body, limits), 1)
        fitting = 0 if most >= iterations else max(most, 1)
    both = [n for n in (chunk, fitting) if n]
    return Way(False, min(both, default=0))


def _is_kept(body: Program, iterations: int, costs: TaskCosts) -> bool:
    programs = (body, *body.regions())
    names = {i.primitive.name for p in programs for i in p.instructions}
    if names & costs.unknown:
        return False
    size = size_of(body, costs.lanes)
    if costs.most_steps and size.steps > costs.most_steps:
        return False
    if size.largest > costs.most_work or size.elements > costs.most_elements:
        return False
    task = size.steps * costs.barrier + size.kept_time
    if costs.most_time and task > costs.most_time:
        return False
    kept = -(-iterations // costs.groups) * task
    device = costs.lanes * costs.groups
    expanded = size.steps * costs.dispatch + size.work * iterations / device
    return kept <= expanded


def size_of(body: Program, lanes: int = 1) -> BodySize:
    """The steps of a body and of its regions. Movement that is a view is none; chains
    count by their operations, here and in `way_of` on both sides."""
    return derived(body, ("size of a task", lanes), lambda b: _size_of(b, lanes))


def _size_of(body: Program, lanes: int) -> BodySize:
    steps = largest = elements = work = time = 0
    for i in body.instructions:
        inner = i.params.get("body")
        if inner is not None and i.primitive.family == "control":
            part = size_of(inner, lanes)
            turns = i.params.get("length", 1)
            wide = i.params.get("iterations", 1)  # goes expanded within a task
            steps += turns * part.steps
            largest = max(largest, wide * part.largest)
            elements = max(elements, wide * part.elements)
            work += turns * wide * part.work
            time += turns * wide * part.kept_time
        elif not (i.primitive.traits.view or i.primitive is ops.constant):
            here = work_of(i)
            steps += 1
            largest = max(largest, here)
            elements = max(elements, *(s.type.size for s in i.outputs))
            work += here
            time += -(-here // lanes)
    return BodySize(steps, largest, elements, work, time)


def work_of(i: Instruction) -> int:
    """The multiply-adds of an instruction without regions, about.

    >>> import neurenix as nx
    >>> program = nx.capture(lambda a, b: a @ b, nx.ones(2, 3), nx.ones(3, 5))
    >>> work_of(program.instructions[0])
    30
    """
    sizes = [s.type.size for s in (*i.inputs, *i.outputs)]
    if i.primitive is ops.dot_general:
        shape, contract = i.inputs[0].type.shape, i.params["lhs_contract"]
        return i.outputs[0].type.size * math.prod(shape[a] for a in contract)
    if i.primitive.family == "convolution":
        return _work_of_convolution(i)
    return math.ceil(max(sizes, default=0) * (i.primitive.traits.cost or 1.0))


def _work_of_convolution(i: Instruction) -> int:
    """Every output of the forward convolution meets the whole kernel of its channel."""
    a, b = (s.type.shape for s in i.inputs)
    out = i.outputs[0].type.shape
    if i.primitive is ops.conv_weight_gradient:
        images, weight = b, out
    else:
        images, weight = (out if i.primitive is ops.conv_general else a), b
    batch = i.params["batch"]
    return math.prod(images) * math.prod(weight[batch + 1 :])


def peak_bytes(body: Program, limits: Limits = USUAL) -> int:
    """The most that the values of one iteration take at once, by when each is last
    read."""
    last: dict[Symbol, int] = {
        s: k for k, i in enumerate(body.instructions) for s in i.inputs
    }
    last.update(dict.fromkeys(body.outputs, len(body.instructions)))
    ends: dict[int, int] = {}
    live = most = 0
    for k, i in enumerate(body.instructions):
        inside = sum(
            peak_bytes(inner, limits) * i.params.get("iterations", 1)
            for inner in _bodies(i)
        )
        if not i.primitive.traits.view:
            for s in i.outputs:
                nbytes = limits.stored_bytes(s.type)
                live += nbytes
                ends[last.get(s, k)] = ends.get(last.get(s, k), 0) + nbytes
        most = max(most, live + inside)
        live -= ends.pop(k, 0)
    return most


def _bodies(i: Instruction) -> Iterator[Program]:
    body = i.params.get("body")
    if body is not None and i.primitive.family == "control":
        yield body
