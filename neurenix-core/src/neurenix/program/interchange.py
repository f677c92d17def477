"""A program as JSON, for files and reports."""

from __future__ import annotations

import base64
import weakref
from typing import Any

import numpy as np

from ..dtypes import Dtype, as_dtype
from ..errors import FileFormatError, InvalidArgumentError
from ..primitives import TensorType, all_primitives
from ..primitives.sources import ConstantArray
from .ir import Instruction, Program, Symbol


def _pack(value: Any, numbers: dict[Program, int]) -> Any:
    if isinstance(value, Program):
        return {"region": numbers[value]}
    if isinstance(value, Dtype):
        return {"dtype": value.name}
    if isinstance(value, ConstantArray):
        data = base64.b64encode(value.array.tobytes()).decode()
        return {
            "constant": data,
            "dtype": value.type.dtype.name,
            "shape": list(value.type.shape),
        }
    if isinstance(value, tuple):
        return [_pack(v, numbers) for v in value]
    return value


def _unpack(value: Any, regions: list[Program]) -> Any:
    if isinstance(value, list):
        return tuple(_unpack(v, regions) for v in value)
    if not isinstance(value, dict):
        return value
    if "region" in value:
        return regions[value["region"]]
    dtype = as_dtype(value["dtype"])
    if "constant" not in value:
        return dtype
    data = np.frombuffer(base64.b64decode(value["constant"]), dtype.numpy)
    return ConstantArray(data.reshape(value["shape"]), dtype)


def _pack_notes(program: Program, numbers: dict[Program, int]) -> dict[str, Any]:
    notes: dict[str, Any] = {"remat": True} if "remat" in program.notes else {}
    forward, count = program.notes.get("reverse_of", (lambda: None, 0))
    if forward() in numbers:
        notes["reverse_of"] = [numbers[forward()], count]
    return notes


def to_json(program: Program) -> dict[str, Any]:
    """Plain lists and dicts; `from_json` gives an equal program back.

    Of what transforms have noted on regions two things are kept: that one is computed
    again for its derivative (nx.remat), and of which other one it is the reverse. What
    passes have derived is left out: it is derived again.

    Raises InvalidArgumentError for a region with a derivative of one's own
    (nx.custom_vjp), which is Python code: without it the derivative would be another.

    >>> import neurenix as nx
    >>> program = nx.capture(lambda x: x * x, nx.zeros(2))
    >>> str(from_json(to_json(program))) == str(program)
    True
    """
    regions = [*program.regions(), program]
    for r in regions:
        if "rule" in r.notes:
            raise InvalidArgumentError(
                f"to_json: the program calls {r.notes['rule'].name}, whose derivative "
                "is Python code (nx.custom_vjp) and cannot be written; capture a "
                "function without it, or take its derivative before"
            )
    numbers = {r: i for i, r in enumerate(regions)}
    packed = []
    for r in regions:
        made = [s for i in r.instructions for s in i.outputs]
        index = {s: n for n, s in enumerate((*r.inputs, *made))}
        packed.append(
            {
                "inputs": [[s.type.dtype.name, list(s.type.shape)] for s in r.inputs],
                "instructions": [
                    {
                        "primitive": i.primitive.name,
                        "inputs": [index[s] for s in i.inputs],
                        "params": {k: _pack(v, numbers) for k, v in i.params.items()},
                        "outputs": [
                            [s.type.dtype.name, list(s.type.shape)] for s in i.outputs
                        ],
                        "source": i.source,
                    }
                    for i in r.instructions
                ],
                "outputs": [index[s] for s in r.outputs],
                "notes": _pack_notes(r, numbers),
            }
        )
    return {"format": "neurenix-program", "version": 1, "regions": packed}


def _symbol(kind: list[Any]) -> Symbol:
    dtype, shape = kind
    return Symbol(TensorType(tuple(shape), as_dtype(dtype)))


def from_json(data: dict[str, Any]) -> Program:
    """The program that `to_json` wrote.

    Raises FileFormatError for anything else, and for a primitive that is not known.
    """
    if data.get("format") != "neurenix-program" or data.get("version") != 1:
        raise FileFormatError("not a Neurenix program of version 1")
    regions: list[Program] = []
    known = {primitive.name: primitive for primitive in all_primitives()}
    for packed in data["regions"]:
        inputs = [_symbol(t) for t in packed["inputs"]]
        values, instructions = list(inputs), []
        for i in packed["instructions"]:
            if i["primitive"] not in known:
                raise FileFormatError(
                    f"from_json: the program has a primitive {i['primitive']!r}, which "
                    "is not known here: it was written by a newer Neurenix, or altered"
                )
            outputs = [_symbol(t) for t in i["outputs"]]
            params = {k: _unpack(v, regions) for k, v in i["params"].items()}
            operands = [values[n] for n in i["inputs"]]
            instructions.append(
                Instruction(
                    known[i["primitive"]], operands, params, outputs, i["source"]
                )
            )
            values += outputs
        ends = [values[n] for n in packed["outputs"]]
        regions.append(Program(inputs, instructions, ends))
    for region, packed in zip(regions, data["regions"], strict=True):
        notes = packed.get("notes", {})
        if "remat" in notes:
            region.notes["remat"] = True
        if "reverse_of" in notes:
            number, count = notes["reverse_of"]
            region.notes["reverse_of"] = weakref.ref(regions[number]), count
    return regions[-1]
