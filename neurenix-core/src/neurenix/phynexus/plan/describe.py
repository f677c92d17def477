"""Describes the steps of a plan in words, for profiles."""

from __future__ import annotations

from ...program.describe import Description, applied, letter, output_texts
from .instructions import NAMES, Fused
from .plan import Step


def describe_step(step: Step) -> Description:
    p = step.params
    return Description(
        NAMES[step.opcode],
        _expression(p, len(step.inputs)) if isinstance(p, Fused) else "",
        tuple(v.shape for v in step.inputs),
        tuple(v.shape for v in step.outputs if v is not None),
        step.source,
    )


def _expression(p: Fused, inputs: int) -> str:
    texts = [letter(i) for i in range(inputs)]
    for op in p.ops:
        texts.append(applied(NAMES[op.opcode], (texts[r] for r in op.registers)))
    return output_texts(
        applied(NAMES[end.reduction], [texts[end.value]])
        if end.reduction
        else texts[end.value]
        for end in p.ends
    )
