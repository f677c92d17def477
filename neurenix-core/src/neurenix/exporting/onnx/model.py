"""An entry point as an ONNX model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx

from ...errors import ExportError
from ...passes.pipeline import Target, prepare
from ...program import Program
from ..artefact import EntryPoint
from ..names import apart
from . import elementwise, indexing, movement, products, reductions
from .control import LONG, emit, info, lacking, longest_scan
from .graph import KINDS, OPSET, Graph
from .rules import RULES

_IR = 8  # of files: with opset 18, what onnxruntime reads since 1.14 (2023)
_RULES_FROM = (elementwise, indexing, movement, products, reductions)


def next_name(state: str) -> str:
    """The output that has the new value of a state input."""
    return f"{state}.next"


def flat(program: Program) -> Program:
    """The program in primitives that have a rule: calls inlined, maps expanded, what
    has no node decomposed; scans unrolled, or kept where one is long."""
    kept = {"scan"} if longest_scan(program) >= LONG else set()
    target = Target(frozenset({*RULES, *kept}), frozenset(), device="ONNX")
    return prepare(program, target)


def model_of(
    entry: EntryPoint, weights: Mapping[str, np.ndarray[Any, Any]]
) -> onnx.ModelProto:
    """The model. Its inputs are those of the entry point, by name, with their shapes;
    state is an input more, with its present value as the default, and an output.

    Raises ExportError for a dtype or an operation that it cannot hold.
    """
    state = list(entry.state)
    names = [*state, *entry.weights, *(port.name for port in entry.inputs)]
    for name, type in zip(names, entry.program.input_types, strict=True):
        if type.dtype.name not in KINDS:
            raise ExportError(
                f"export to ONNX: {name!r} of {entry.name} is {lacking(type)}"
            )
    program = flat(entry.program)
    ends = _ends(entry)
    graph = Graph([*names, *ends])
    values = dict(zip(program.inputs, names, strict=True))
    for name in (*state, *entry.weights):
        graph.weight(name, weights[name])
    emit(graph, program, values)
    for name, symbol in zip(ends, program.outputs, strict=True):
        node = onnx.helper.make_node("Identity", [values[symbol]], [name])
        graph.nodes.append(node)
    types = dict(zip(names, program.input_types, strict=True))
    taken = [*(port.name for port in entry.inputs), *state]
    made_graph = onnx.helper.make_graph(
        graph.nodes,
        entry.name,
        [info(name, types[name]) for name in taken],
        [info(n, t) for n, t in zip(ends, program.output_types, strict=True)],
        graph.initializers,
    )
    made_model = onnx.helper.make_model(
        made_graph,
        producer_name="Neurenix",
        ir_version=_IR,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
    )
    about = {"entry_point": entry.name, "state": dict(zip(state, ends, strict=False))}
    onnx.helper.set_model_props(made_model, {"neurenix": json.dumps(about)})
    return made_model


def _ends(entry: EntryPoint) -> list[str]:
    """Names of the graph's outputs: the new values of state, "next" of it, and the
    entry point's. One that an input has too is called "next" of it."""
    before = {port.name for port in entry.inputs}
    outputs = [port.name for port in entry.outputs]
    taken = {*before, *entry.state, *entry.weights, *outputs}
    again = [*entry.state, *(n for n in outputs if n in before)]
    after = apart([next_name(n) for n in again], taken)
    return [after[next_name(n)] if n in again else n for n in (*entry.state, *outputs)]
