"""A program as JSON, for files and reports."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from ..dtypes import Dtype, as_dtype
from ..errors import FileFormatError
from ..primitives import TensorType, ops
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


def to_json(program: Program) -> dict[str, Any]:
    """Plain lists and dicts; `from_json` gives an equal program back."""
    regions = [*program.regions(), program]
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
            }
        )
    return {"format": "neurenix-program", "version": 1, "regions": packed}


def _symbol(kind: list[Any]) -> Symbol:
    dtype, shape = kind
    return Symbol(TensorType(tuple(shape), as_dtype(dtype)))


def from_json(data: dict[str, Any]) -> Program:
    if data.get("format") != "neurenix-program" or data.get("version") != 1:
        raise FileFormatError("not a Neurenix program of version 1")
    regions: list[Program] = []
    for packed in data["regions"]:
        inputs = [_symbol(t) for t in packed["inputs"]]
        values, instructions = list(inputs), []
        for i in packed["instructions"]:
            outputs = [_symbol(t) for t in i["outputs"]]
            params = {k: _unpack(v, regions) for k, v in i["params"].items()}
            operands = [values[n] for n in i["inputs"]]
            instructions.append(
                Instruction(
                    getattr(ops, i["primitive"]), operands, params, outputs, i["source"]
                )
            )
            values += outputs
        regions.append(
            Program(inputs, instructions, [values[n] for n in packed["outputs"]])
        )
    return regions[-1]
