"""Writes a program as JSON, for files and reports; `from_json` checks what it reads."""

from __future__ import annotations

import base64
from typing import Any

from ..dtypes import Dtype
from ..errors import InvalidArgumentError
from ..primitives import ops
from ..primitives.sources import ConstantArray
from .from_json import FORMAT, from_json
from .ir import Program


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


def _pack_notes(program: Program, numbers: dict[Program, int]) -> dict[str, Any]:
    of = program.reverse_of
    forward = None if of is None else of.forward()
    if of is None or forward is None or forward not in numbers:
        return {}
    return {"reverse_of": [numbers[forward], of.inputs]}


def to_json(program: Program) -> dict[str, Any]:
    """Plain lists and dicts; `from_json` gives an equal program back.

    The version that is written is the least that can say it: calls that are computed
    again for their derivative (nx.remat) take version 2. What passes have derived is
    left out: it is derived again.

    Raises InvalidArgumentError for a region with a derivative of one's own
    (nx.custom_vjp), which is Python code: without it the derivative would be another.

    >>> import neurenix as nx
    >>> program = nx.capture(lambda x: x * x, nx.zeros(2))
    >>> str(from_json(to_json(program))) == str(program)
    True
    """
    regions = [*program.regions(), program]
    calls = [i for r in regions for i in r.instructions if i.primitive is ops.call]
    for i in calls:
        vjp = i.params.get("vjp")
        if vjp is not None:
            raise InvalidArgumentError(
                f"to_json: the program calls {vjp.name}, whose derivative "
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
    version = 2 if any("remat" in i.params for i in calls) else 1
    return {"format": FORMAT, "version": version, "regions": packed}


__all__ = ["from_json", "to_json"]
