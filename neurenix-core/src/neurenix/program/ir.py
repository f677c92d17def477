"""The program: what a function does to its inputs, in static single assignment.

Instructions may own regions (programs inside, as the parameter `body`): that is how
call, map and scan exist. A program that is complete is never changed: passes make a
new one.
"""

from __future__ import annotations

import weakref
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..dtypes import Dtype
from ..primitives.primitive import Primitive, TensorType
from .memo import derived


class Symbol:
    """Stands for one value of a program; equal only to itself."""

    __slots__ = ("type",)

    def __init__(self, type: TensorType) -> None:
        self.type = type

    def __repr__(self) -> str:
        return f"<symbol {self.type}>"


class Instruction:
    """outputs = primitive(inputs, **params); `source` is the line that asked for it."""

    __slots__ = ("inputs", "outputs", "params", "primitive", "source")

    def __init__(
        self,
        primitive: Primitive,
        inputs: Sequence[Symbol],
        params: dict[str, Any],
        outputs: Sequence[Symbol],
        source: str | None = None,
    ) -> None:
        self.primitive = primitive
        self.inputs = tuple(inputs)
        self.params = params
        self.outputs = tuple(outputs)
        self.source = source

    def with_inputs(self, inputs: Sequence[Symbol]) -> Instruction:
        return Instruction(
            self.primitive, inputs, self.params, self.outputs, self.source
        )


class ReverseOf(NamedTuple):
    """The program that a pullback differentiates. The first inputs of the pullback are
    those of the forward program; cotangents follow. The reference is weak, since the
    forward program keeps its pullback in its memo."""

    forward: weakref.ref[Program]
    inputs: int


class Watcher(Protocol):
    """Runs the instructions of `Program.evaluate` and takes note of their costs."""

    def run(
        self, program: Program, instruction: Instruction, inputs: Iterable[Any]
    ) -> Sequence[Any]: ...


# The watcher of this moment, if there is one.
watching: list[Watcher | None] = [None]


class Program:
    """Inputs, instructions in an order in which they can run, outputs.

    reverse_of   of a pullback, which program it differentiates
    memo         what was derived from this one; see `memo.derived`
    """

    __slots__ = (
        "__weakref__",
        "inputs",
        "instructions",
        "memo",
        "outputs",
        "reverse_of",
    )

    def __init__(
        self,
        inputs: Sequence[Symbol],
        instructions: Sequence[Instruction],
        outputs: Sequence[Symbol],
        reverse_of: ReverseOf | None = None,
    ) -> None:
        self.inputs = tuple(inputs)
        self.instructions = tuple(instructions)
        self.outputs = tuple(outputs)
        self.reverse_of = reverse_of
        self.memo: dict[Hashable, Any] = {}

    def made_of(
        self, instructions: Sequence[Instruction], outputs: Sequence[Symbol]
    ) -> Program:
        """A program of the same inputs that gives the same values another way."""
        return Program(self.inputs, instructions, outputs, self.reverse_of)

    @property
    def input_types(self) -> list[TensorType]:
        return [s.type for s in self.inputs]

    @property
    def output_types(self) -> list[TensorType]:
        return [s.type for s in self.outputs]

    def evaluate(self, arrays: Sequence[Any]) -> list[np.ndarray[Any, Any]]:
        """Run it with the NumPy reference kernels, one instruction after the other."""
        values: dict[Symbol, Any] = dict(zip(self.inputs, arrays, strict=True))
        last_use = derived(self, "last uses", last_uses)
        watch = watching[0]
        for i, instruction in enumerate(self.instructions):
            inputs = [values[s] for s in instruction.inputs]
            outputs = (
                instruction.primitive.reference(*inputs, **instruction.params)
                if watch is None
                else watch.run(self, instruction, inputs)
            )
            values.update(zip(instruction.outputs, outputs, strict=True))
            for s in last_use[i]:
                del values[s]
        return [np.asarray(values[s]) for s in self.outputs]

    def regions(self) -> Iterable[Program]:
        """Each program inside this one, once, inner ones first."""
        seen: dict[Program, None] = {}
        stack = [(self, False)]
        while stack:
            program, done = stack.pop()
            if done:
                seen.setdefault(program)
                continue
            stack.append((program, True))
            for i in program.instructions:
                body = i.params.get("body")
                if body is not None and body not in seen:
                    stack.append((body, False))
        del seen[self]
        return list(seen)

    def size(self) -> int:
        """Instructions, each region counted once."""
        return len(self.instructions) + sum(len(r.instructions) for r in self.regions())

    def __str__(self) -> str:
        return to_text(self)


def last_uses(program: Program) -> list[list[Symbol]]:
    """Liveness: for each instruction, the values that nobody reads after it."""
    dead: list[list[Symbol]] = [[] for _ in program.instructions]
    seen = set(program.outputs)
    for i in reversed(range(len(program.instructions))):
        instruction = program.instructions[i]
        for s in (*instruction.outputs, *instruction.inputs):
            if s not in seen:
                seen.add(s)
                dead[i].append(s)
    return dead


def renamed(program: Program) -> Program:
    """The same program with symbols of its own."""
    names: dict[Symbol, Symbol] = {s: Symbol(s.type) for s in program.inputs}
    instructions = []
    for i in program.instructions:
        outputs = [Symbol(s.type) for s in i.outputs]
        instructions.append(
            Instruction(
                i.primitive, [names[s] for s in i.inputs], i.params, outputs, i.source
            )
        )
        names.update(zip(i.outputs, outputs, strict=True))
    return Program(
        [names[s] for s in program.inputs],
        instructions,
        [names[s] for s in program.outputs],
        program.reverse_of,
    )


def params_key(params: dict[str, Any]) -> tuple[Any, ...]:
    """Parameters as a hashable key (programs count by identity)."""
    return tuple(sorted(params.items())) if len(params) > 1 else tuple(params.items())


def to_text(program: Program) -> str:
    """Readable lines: regions first, then the program.

    >>> import neurenix as nx
    >>> print(nx.capture(lambda x: (x * 2).sum(), nx.zeros(3)))
    program(a: float32[3]) -> d
      b: float32[] = constant(value=2.0)
      c: float32[3] = mul(a, b)  # ...
      d: float32[] = sum(c, axes=(0))  # ...
    """
    regions = [*program.regions(), program]
    titles = {r: f"region{i}" for i, r in enumerate(regions)}
    titles[program] = "program"
    return "\n".join(_one(r, titles) for r in regions)


def _names(program: Program) -> dict[Symbol, str]:
    symbols = [*program.inputs, *(s for i in program.instructions for s in i.outputs)]
    return {s: _letters(i) for i, s in enumerate(symbols)}


def _letters(i: int) -> str:
    name = ""
    while True:
        name = chr(97 + i % 26) + name
        i = i // 26 - 1
        if i < 0:
            return name


def _one(program: Program, titles: dict[Program, str]) -> str:
    names = _names(program)
    head = ", ".join(f"{names[s]}: {s.type}" for s in program.inputs)
    lines = [
        f"{titles[program]}({head}) -> {', '.join(names[s] for s in program.outputs)}"
        + _origin(program, titles)
    ]
    for i in program.instructions:
        params = [
            f"{k}={titles[v] if k == 'body' else _param_text(v)}"
            for k, v in i.params.items()
        ]
        out = ", ".join(f"{names[s]}: {s.type}" for s in i.outputs)
        arguments = ", ".join([*(names[s] for s in i.inputs), *params])
        lines.append(
            f"  {out} = {i.primitive.name}({arguments})"
            + (f"  # {i.source}" if i.source else "")
        )
    return "\n".join(lines)


def _origin(program: Program, titles: dict[Program, str]) -> str:
    of = program.reverse_of
    forward = None if of is None else of.forward()
    if forward is None or forward not in titles:
        return ""
    return f"  # the reverse of {titles[forward]}"


def _param_text(value: Any) -> str:
    if isinstance(value, Dtype):
        return value.name
    if isinstance(value, tuple):
        return "(" + ",".join(map(_param_text, value)) + ")"
    return str(int(value)) if isinstance(value, bool) else repr(value)
