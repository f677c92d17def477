"""Programs as nodes, instruction by instruction; scans as a node with a body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx

from ...dtypes import bool_
from ...primitives import TensorType, ops
from ...program import Instruction, Program, Symbol
from .graph import KINDS, Graph, kind_of, refuse
from .rules import RULES

#: A program none of whose scans is so long has them unrolled: that is quicker, and
#: mobile runtimes and converters mostly have no loops.
LONG = 32

_FLAG = TensorType((), bool_)


def longest_scan(program: Program) -> int:
    """The iterations of the longest scan in a program, regions included; 0 for none."""
    found = 0
    for i in program.instructions:
        if i.primitive is ops.scan:
            found = max(found, i.params["length"])
        if isinstance(body := i.params.get("body"), Program):
            found = max(found, longest_scan(body))
    return found


def emit(graph: Graph, program: Program, values: dict[Symbol, str]) -> None:
    """The nodes of all instructions; `values` has the names of the inputs, and gets
    those of the results."""
    used = {s for i in program.instructions for s in i.inputs} | {*program.outputs}
    for i in program.instructions:
        _check_dtypes(i)
        given = [values[s] for s in i.inputs]
        if i.primitive is ops.scan:
            values.update(_scan(graph, i, given, used))
        else:
            values[i.outputs[0]] = RULES[i.primitive.name](graph, i, given)


def _scan(
    graph: Graph, i: Instruction, given: Sequence[str], used: set[Symbol]
) -> dict[Symbol, str]:
    """Scan: what stays the same is read from the graph around its body. What nobody
    reads of every iteration is not kept."""
    body: Program = i.params["body"]
    consts, carries = i.params["consts"], i.params["carries"]
    inner = graph.body()
    own = [graph.new_name() for _ in body.inputs[consts:]]
    values = dict(zip(body.inputs, [*given[:consts], *own], strict=True))
    emit(inner, body, values)
    types = dict(zip(own, body.input_types[consts:], strict=True))
    sequences = list(given[consts + carries :])
    if not sequences:  # it counts its iterations by these
        sequences = [graph.constant([False] * i.params["length"], "bool")]
        own.append(graph.new_name())
        types[own[-1]] = _FLAG
    stacked = [*body.outputs[carries:], *body.inputs[consts : consts + carries]]
    rows = [
        (symbol, of)
        for symbol, of in zip(i.outputs[carries:], stacked, strict=True)
        if symbol in used
    ]
    inside = [*body.outputs[:carries], *(of for _, of in rows)]
    ends = [inner.add("Identity", values[s]) for s in inside]
    made = onnx.helper.make_graph(
        inner.nodes,
        graph.new_name(),
        [info(name, types[name]) for name in own],
        [info(name, s.type) for name, s in zip(ends, inside, strict=True)],
    )
    outputs = [graph.new_name() for _ in ends]
    directions: dict[str, Any] = {}
    if i.params["reverse"]:
        directions["scan_input_directions"] = [1] * len(sequences)
    if i.params["reverse"] and rows:
        directions["scan_output_directions"] = [1] * len(rows)
    node = onnx.helper.make_node(
        "Scan",
        [*given[consts : consts + carries], *sequences],
        outputs,
        body=made,
        num_scan_inputs=len(sequences),
        **directions,
    )
    graph.nodes.append(node)
    symbols = [*i.outputs[:carries], *(symbol for symbol, _ in rows)]
    return dict(zip(symbols, outputs, strict=True))


def info(name: str, type: TensorType) -> onnx.ValueInfoProto:
    return onnx.helper.make_tensor_value_info(name, kind_of(type.dtype), type.shape)


def lacking(type: TensorType) -> str:
    """What a message says of a dtype that models do not have."""
    return (
        f"{type.dtype.name}, and models are written with {', '.join(KINDS)}; convert "
        "the model and its inputs to float32"
    )


def _check_dtypes(i: Instruction) -> None:
    for s in (*i.inputs, *i.outputs):
        if s.type.dtype.name not in KINDS:
            raise refuse(i, f"a value is {lacking(s.type)}")
