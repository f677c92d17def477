"""The table of rules: what a primitive is in a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...program import Instruction
from .graph import Graph

#: (graph, instruction, names of its inputs) -> the name of its output.
Rule = Callable[[Graph, Instruction, Sequence[str]], str]

RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Registers the rule of these primitives."""

    def register(f: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, f))
        return f

    return register


def shape_of(i: Instruction, number: int) -> tuple[int, ...]:
    return i.inputs[number].type.shape


def dtype_of(i: Instruction, number: int = 0) -> str:
    return i.inputs[number].type.dtype.name


def result_shape(i: Instruction) -> tuple[int, ...]:
    return i.outputs[0].type.shape


def param(i: Instruction, name: str) -> Any:
    return i.params[name]
