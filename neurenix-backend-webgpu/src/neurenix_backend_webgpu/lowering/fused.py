"""A fused step: an expression on each element, stored or reduced over axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from neurenix import dtypes
from neurenix.dtypes import Dtype
from neurenix.phynexus.plan.instructions import NAMES, Fused
from neurenix.phynexus.plan.plan import Step
from neurenix.phynexus.plan.views import View

from .indices import address, names, unravel
from .kernel import Kernel, base, one_each
from .scalar import expression, kind

_DTYPES = {d.code: d for d in dtypes.ALL}
REDUCTIONS = frozenset({"sum", "prod", "max", "min", "any", "all"})


def fused(step: Step, p: Fused) -> Kernel | None:
    rank = len(p.shape)
    outputs = [v for v in step.outputs if v is not None]
    assert len(outputs) == len(step.outputs)  # a fused step has no unread output
    operands = [*step.inputs, *outputs]
    indices = names("i", rank)
    lines, kinds = _registers(step, p, indices)
    before, inside, after = [], [], []
    for n, (end, view) in enumerate(zip(p.ends, outputs, strict=True)):
        to = base(len(step.inputs) + n)
        value, dtype = f"r{end.value}", kinds[end.value]
        if not end.reduction:
            inside.append(f"store({address(to, indices, view.strides)}, {value});")
            continue
        name, total = NAMES[end.reduction], f"total{n}"
        before.append(f"var {total} = {_initial(name, dtype)};")
        inside.append(f"{total} = {_combined(name, dtype, total, value)};")
        kept = ["0u" if a in p.axes else i for a, i in enumerate(indices)]
        after.append(f"store({address(to, kept, view.strides)}, {total});")
    if not p.axes:
        order = outputs[0].order
        body = [*unravel(p.shape, order, "e", "i"), *lines, *inside]
        return _counted(math.prod(p.shape), body, operands)
    small = next(v for e, v in zip(p.ends, outputs, strict=True) if e.reduction)
    kept_axes = [a for a in small.order if a not in p.axes]
    terms = math.prod(p.shape[a] for a in p.axes)
    body = [*unravel(p.shape, kept_axes, "e", "i"), *before]
    if terms:
        body.append(f"for (var t = 0u; t < {terms}u; t = t + 1u) {{")
        body += unravel(p.shape, p.axes, "t", "i")
        body += [*lines, *inside, "}"]
    count = math.prod(p.shape[a] for a in kept_axes)
    return _counted(count, [*body, *after], operands)


def _counted(
    count: int, body: Sequence[str], operands: Sequence[View]
) -> Kernel | None:
    return one_each(count, body, operands) if count else None


def _registers(
    step: Step, p: Fused, indices: Sequence[str]
) -> tuple[list[str], list[Dtype]]:
    """Lines that load the inputs and run the operations, and each register's dtype."""
    lines: list[str] = []
    kinds: list[Dtype] = []
    for n, view in enumerate(step.inputs):
        lines.append(f"let r{n} = load({address(base(n), indices, view.strides)});")
        kinds.append(view.dtype)
    for op in p.ops:
        inputs = [kinds[r] for r in op.registers]
        words = [f"r{r}" for r in op.registers]
        dtype = _DTYPES[op.dtype]
        text = expression(NAMES[op.opcode], dtype, inputs, words)
        lines.append(f"let r{len(kinds)} = {text};")
        kinds.append(dtype)
    return lines, kinds


def _initial(reduction: str, dtype: Dtype) -> str:
    if reduction in ("prod", "all"):
        return "0x3f800000u" if kind(dtype) == "f" else "1u"
    if reduction in ("max", "min"):
        lowest = {"f": "0xff800000u", "i": "0x80000000u"}.get(kind(dtype), "0u")
        highest = {"f": "0x7f800000u", "i": "0x7fffffffu"}.get(
            kind(dtype), "0xffffffffu"
        )
        return lowest if reduction == "max" else highest
    return "0u"


def _combined(reduction: str, dtype: Dtype, total: str, value: str) -> str:
    if reduction in ("any", "all"):
        return f"({total} {'|' if reduction == 'any' else '&'} {value})"
    name = {"sum": "add", "prod": "mul", "max": "maximum", "min": "minimum"}[reduction]
    return expression(name, dtype, [dtype, dtype], [total, value])
