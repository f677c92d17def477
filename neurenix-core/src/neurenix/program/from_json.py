"""Reads a program from JSON; everything in it is checked before there is a program."""

from __future__ import annotations

import base64
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dtypes import as_dtype
from ..errors import FileFormatError
from ..primitives import Primitive, TensorType, all_primitives, ops
from ..primitives.sources import ConstantArray
from ..sizes import check_size
from .ir import Instruction, Program, ReverseOf, Symbol

FORMAT, VERSION = "neurenix-program", 2


def from_json(data: Any) -> Program:
    """The program that `to_json` wrote.

    Raises FileFormatError, with the region and the instruction, for anything else: an
    unknown primitive, an index of something that is not there yet (a region that uses
    itself is one), a parameter that does not suit its primitive, outputs that are not
    of the types which the primitive gives on its inputs.

    >>> from_json({"format": "neurenix-program", "version": 1, "regions": []})
    Traceback (most recent call last):
    neurenix.errors.FileFormatError: from_json: a program without regions
    """
    header = (data.get("format"), data.get("version")) if type(data) is dict else data
    if header not in [(FORMAT, version) for version in range(1, VERSION + 1)]:
        raise FileFormatError(
            f"from_json: not a Neurenix program of version 1 to {VERSION}: "
            f"{header!r:.80}"
        )
    packed = data.get("regions")
    if not isinstance(packed, list) or not packed:
        raise FileFormatError("from_json: a program without regions")
    known = {primitive.name: primitive for primitive in all_primitives()}
    regions: list[Program] = []
    again: set[Program] = set()  # version 1 says of bodies what 2 says of their calls
    for number, region in enumerate(packed):
        where = f"from_json: region {number}"
        try:
            regions.append(_region(region, regions, known, again, where))
            if "remat" in _notes(region):
                again.add(regions[-1])
        except FileFormatError:
            raise
        except Exception as error:  # whatever is not of the form
            raise FileFormatError(f"{where}: {_error_text(error)}") from error
    for number, region in enumerate(packed):
        try:
            regions[number].reverse_of = _reverse_of(_notes(region), regions)
        except Exception as error:  # whatever is not of the form
            raise FileFormatError(
                f"from_json: region {number}: its notes: {_error_text(error)}"
            ) from error
    return regions[-1]


def _error_text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _region(
    packed: Any,
    regions: list[Program],
    known: dict[str, Primitive],
    again: set[Program],
    where: str,
) -> Program:
    inputs = [_symbol(kind) for kind in packed["inputs"]]
    values, instructions = list(inputs), []
    for number, i in enumerate(packed["instructions"]):
        name = i["primitive"]
        here = f"{where}, instruction {number} ({name})"
        if not isinstance(name, str) or name not in known:
            raise FileFormatError(
                f"{here}: the program has a primitive {name!r}, which is not known "
                "here: it was written by a newer Neurenix, or altered"
            )
        try:
            made = _instruction(i, known[name], values, regions, again)
        except Exception as error:  # rules meet what they do not expect
            raise FileFormatError(f"{here}: {_error_text(error)}") from error
        instructions.append(made)
        values += made.outputs
    return Program(inputs, instructions, _named(packed["outputs"], values))


def _instruction(
    packed: Any,
    primitive: Primitive,
    values: list[Symbol],
    regions: list[Program],
    again: set[Program],
) -> Instruction:
    inputs = _named(packed["inputs"], values)
    params = {key: _unpack(v, regions) for key, v in packed["params"].items()}
    if primitive is ops.call:
        _check_call(params)
        if params["body"] in again:
            params["remat"] = True
    outputs = [_symbol(kind) for kind in packed["outputs"]]
    given = [s.type for s in outputs]
    expected = list(primitive.infer([s.type for s in inputs], **params))
    if given != expected:
        raise ValueError(
            f"its outputs are {', '.join(map(str, given))}, "
            f"and should be {', '.join(map(str, expected))}"
        )
    source = packed["source"]
    if source is not None and not isinstance(source, str):
        raise TypeError(f"its source is {source!r}")
    return Instruction(primitive, inputs, params, outputs, source)


def _named(numbers: Any, values: Sequence[Symbol]) -> list[Symbol]:
    return [values[_index(n, len(values), "value")] for n in numbers]


def _index(number: Any, count: int, what: str) -> int:
    if type(number) is not int or not 0 <= number < count:
        raise IndexError(f"{what} {number!r}, and there are {count} before it")
    return number


def _symbol(kind: Any) -> Symbol:
    name, shape = kind
    if not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"the shape {shape!r}")
    if not isinstance(name, str):
        raise TypeError(f"the dtype {name!r}")
    dtype = as_dtype(name)
    check_size("a value", tuple(shape), dtype)
    return Symbol(TensorType(tuple(shape), dtype))


def _unpack(value: Any, regions: list[Program]) -> Any:
    if isinstance(value, list):
        return tuple(_unpack(v, regions) for v in value)
    if not isinstance(value, dict):
        return value
    if "region" in value:
        return regions[_index(value["region"], len(regions), "region")]
    dtype = as_dtype(value["dtype"])
    if "constant" not in value:
        return dtype
    raw = base64.b64decode(value["constant"], validate=True)
    data = np.frombuffer(raw, dtype.numpy)
    return ConstantArray(data.reshape(value["shape"]), dtype)


def _check_call(params: dict[str, Any]) -> None:
    if not isinstance(params["body"], Program):
        raise TypeError(f"its body is {params['body']!r}")
    if not isinstance(params.get("remat", True), bool):
        raise TypeError(f"its remat is {params['remat']!r}")
    if "vjp" in params:
        raise ValueError("a vjp is Python code, which no file holds")


def _notes(region: Any) -> dict[str, Any]:
    notes = region.get("notes", {})
    if not isinstance(notes, dict):
        raise TypeError(f"its notes are {notes!r}")
    return notes


def _reverse_of(notes: dict[str, Any], regions: list[Program]) -> ReverseOf | None:
    if "reverse_of" not in notes:
        return None
    number, count = notes["reverse_of"]
    forward = regions[_index(number, len(regions), "region")]
    if type(count) is not int or not 0 <= count <= len(forward.inputs):
        raise ValueError(f"reverse_of: {count!r} inputs of the forward program")
    return ReverseOf(weakref.ref(forward), count)
