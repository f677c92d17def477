"""An entry point as an ONNX model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx

from ...errors import ExportError
from ...passes.pipeline import Target, prepare
from ...primitives import TensorType
from ...program import Instruction, Program
from ..artefact import EntryPoint
from . import elementwise, indexing, movement, products, reductions
from .graph import KINDS, OPSET, Graph, kind_of, refuse
from .rules import RULES

_IR = 8  # of files: with opset 18, what onnxruntime reads since 1.14 (2023)
_RULES_FROM = (elementwise, indexing, movement, products, reductions)


def next_name(state: str) -> str:
    """The output that has the new value of a state input."""
    return f"{state}.next"


def flat(program: Program) -> Program:
    """The program without regions, in primitives that have a rule: calls inlined, maps
    expanded, scans unrolled, what has no node decomposed."""
    target = Target(frozenset(RULES), frozenset(), device="ONNX")
    return prepare(program, target)


def model_of(
    entry: EntryPoint, weights: Mapping[str, np.ndarray[Any, Any]]
) -> onnx.ModelProto:
    """The model. Its inputs are those of the entry point, by name, with their shapes;
    state is an input more, with its present value as the default, and an output. A
    weight that is named as an input or output is called "stored" of it.

    Raises ExportError for a dtype or an operation that it cannot hold.
    """
    state = list(entry.state)
    names = [*state, *entry.weights, *(port.name for port in entry.inputs)]
    for name, type in zip(names, entry.program.input_types, strict=True):
        if type.dtype.name not in KINDS:
            raise ExportError(
                f"export to ONNX: {name!r} of {entry.name} is {_lacking(type)}"
            )
    program = flat(entry.program)
    graph = Graph()
    ports = {port.name for port in (*entry.inputs, *entry.outputs)}
    stored = {n: f"{n}.stored" if n in ports else n for n in entry.weights}
    values = {
        symbol: stored.get(name, name)
        for symbol, name in zip(program.inputs, names, strict=True)
    }
    for name in (*state, *entry.weights):
        graph.weight(stored.get(name, name), weights[name])
    for i in program.instructions:
        _check_dtypes(i)
        made = RULES[i.primitive.name](graph, i, [values[s] for s in i.inputs])
        values[i.outputs[0]] = made
    ends = _named_ends(entry, program, graph, values)
    types = dict(zip(names, program.input_types, strict=True))
    taken = [*(port.name for port in entry.inputs), *state]
    made_graph = onnx.helper.make_graph(
        graph.nodes,
        entry.name,
        [_info(name, types[name]) for name in taken],
        [_info(name, type) for name, type in ends],
        graph.initializers,
    )
    made_model = onnx.helper.make_model(
        made_graph,
        producer_name="Neurenix",
        ir_version=_IR,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
    )
    about = {"entry_point": entry.name, "state": {n: next_name(n) for n in state}}
    onnx.helper.set_model_props(made_model, {"neurenix": json.dumps(about)})
    return made_model


def _named_ends(
    entry: EntryPoint, program: Program, graph: Graph, values: Mapping[Any, str]
) -> list[tuple[str, TensorType]]:
    """Adds a node for each output, which gives it its name; an input or state of
    the name keeps it, and the output is called "next" of it."""
    taken = {port.name for port in entry.inputs} | set(entry.state)
    wanted = [next_name(n) for n in entry.state]
    wanted += [next_name(p.name) if p.name in taken else p.name for p in entry.outputs]
    for name, symbol in zip(wanted, program.outputs, strict=True):
        node = onnx.helper.make_node("Identity", [values[symbol]], [name])
        graph.nodes.append(node)
    return list(zip(wanted, program.output_types, strict=True))


def _info(name: str, type: TensorType) -> onnx.ValueInfoProto:
    return onnx.helper.make_tensor_value_info(name, kind_of(type.dtype), type.shape)


def _check_dtypes(i: Instruction) -> None:
    for s in (*i.inputs, *i.outputs):
        if s.type.dtype.name not in KINDS:
            raise refuse(i, f"a value is {_lacking(s.type)}")


def _lacking(type: TensorType) -> str:
    return (
        f"{type.dtype.name}, and models are written with {', '.join(KINDS)}; convert "
        "the model and its inputs to float32"
    )
