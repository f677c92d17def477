"""Writes a plan as text: what crosses to a native engine, for documents and for
engines' authors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .. import dtypes
from .plan.encode import CONSTANTS, INPUT, SCRATCH, Encoded
from .plan.instructions import NAMES, Call, Fused, Map, Record, Scan
from .plan.params import decoded, encoded

_DTYPES = {d.code: d.name for d in dtypes.ALL}
_PLACES = {SCRATCH: "scratch", CONSTANTS: "constants"}


def plan_text(plan: Encoded) -> str:
    """Every region with its instructions, in their order.

    A value is written as its place, its dtype and shape, and its strides (in elements)
    where they are not row-major.

    >>> import neurenix as nx
    >>> from neurenix.testing import plan_of
    >>> print(plan_text(plan_of(lambda x: x.T, nx.zeros(2, 3))))
    region 0: 1 input, 1 output, 0 bytes of scratch
      copy
        from input 0: float32[3, 2] strides (1, 3)
        to output 0: float32[3, 2]
    """
    regions = range(len(plan.regions))
    return "\n".join(line for number in regions for line in _region(plan, number))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _region(plan: Encoded, number: int) -> Iterator[str]:
    region = plan.regions[number]
    yield (
        f"region {number}: {_count(region['inputs'], 'input')}, "
        f"{_count(region['outputs'], 'output')}, "
        f"{_count(region['scratch_bytes'], 'byte')} of scratch"
    )
    first = region["first_instruction"]
    for i in plan.instructions[first : first + region["instructions"]]:
        yield from _instruction(plan, i)


def _instruction(plan: Encoded, i: Any) -> Iterator[str]:
    start, middle = i["first_operand"], i["first_operand"] + i["inputs"]
    inputs = plan.operands[start:middle]
    outputs = plan.operands[middle : middle + i["outputs"]]
    at = i["first_param"]
    numbers = plan.params[at : at + i["params"]].tolist()
    params = decoded(int(i["opcode"]), numbers, len(inputs), len(outputs))
    what = _in_words(params)
    if i["region"] >= 0:
        what = f"of region {i['region']}, {what}"
    yield f"  {NAMES[int(i['opcode'])]} {what}".rstrip()
    for index in inputs:
        yield f"    from {_value(plan, index)}"
    if isinstance(params, Fused):
        yield from (f"      {line}" for line in _expression(params, len(inputs)))
    for index in outputs:
        yield f"    to {_value(plan, index)}"


def _value(plan: Encoded, index: int) -> str:
    if index < 0:
        return "nowhere: nobody reads it"
    v = plan.values[index]
    rank = int(v["rank"])
    shape = [int(n) for n in v["shape"][:rank]]
    strides = [int(n) for n in v["strides"][:rank]]
    space = int(v["space"])
    place = _PLACES.get(space) or (
        f"{'input' if space == INPUT else 'output'} {v['index']}"
    )
    if v["offset"] or space in _PLACES:
        place += f" + {v['offset']}"
    text = f"{place}: {_DTYPES[int(v['dtype'])]}{shape}"
    return text if strides == _row_major(shape) else f"{text} strides {tuple(strides)}"


def _row_major(shape: Sequence[int]) -> list[int]:
    strides: list[int] = []
    step = 1
    for n in reversed(shape):
        strides.insert(0, step)
        step *= n
    return strides


# ---- parameters, in words ------------------------------------------------------------


def _in_words(p: Record) -> str:
    if isinstance(p, Fused):
        return f"over {list(p.shape)}"
    if isinstance(p, Call):
        return f"its scratch at {p.scratch}"
    if isinstance(p, Map):
        return _map(p)
    if isinstance(p, Scan):
        return _scan(p)
    numbers = ", ".join(map(str, encoded(p)))
    return f"params {numbers}" if numbers else ""


def _expression(p: Fused, inputs: int) -> Iterator[str]:
    for register, op in enumerate(p.ops, inputs):
        name = NAMES[op.opcode]
        operands = [f"r{r}" for r in op.registers]
        if name == "integer_pow":
            operands.append(str(op.immediate))
        yield f"r{register} = {name}({', '.join(operands)}) {_DTYPES[op.dtype]}"
    for k, end in enumerate(p.ends):
        text = f"output {k}: r{end.value}"
        if end.reduction:
            text += f", its {NAMES[end.reduction]} over axes {list(p.axes)}"
        yield text


def _map(p: Map) -> str:
    mapped = ", ".join("mapped" if m else "shared" for m in p.mapped)
    outputs = ", ".join("summed" if s else "stacked" for s in p.summed)
    counts = f"{p.iterations} iterations, chunk {p.chunk}"
    return f"{counts}, inputs {mapped}, outputs {outputs}"


def _scan(p: Scan) -> str:
    counts = ", ".join(
        _count(number, noun)
        for number, noun in (
            (p.consts, "constant"),
            (len(p.carries), "carry"),
            (p.xs, "x"),
            (p.ys, "y"),
        )
    ).replace("carrys", "carries")
    direction = "backwards" if p.reverse else "forwards"
    turns = "; ".join(f"{carry.even} and {carry.odd}" for carry in p.carries)
    return (
        f"{p.length} iterations {direction}, {counts}, its scratch at {p.scratch}, "
        f"carries in turn at {turns or 'nowhere'}"
    )
