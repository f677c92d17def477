"""Steps of a plan in words: what a profile calls them."""

from __future__ import annotations

from typing import Any

from ...primitives import all_primitives
from ...program.describe import Description, applied, letter, output_texts
from .plan import Step


def describe_step(step: Step) -> Description:
    name = _names()[step.opcode]
    return Description(
        name,
        _fused_params(step) if name == "fused" else "",
        tuple(v.shape for v in step.inputs),
        tuple(v.shape for v in step.outputs if v is not None),
        step.source,
    )


_NAMES: dict[int, str] = {}


def _names() -> dict[int, str]:
    if not _NAMES:
        _NAMES.update({p.opcode: p.name for p in all_primitives()})
        _NAMES.setdefault(97, "copy")
    return _NAMES


def _fused_params(step: Step) -> str:
    """From PHX_FUSED's parameters, as phynexus.h states them."""
    names = _names()
    p: list[Any] = list(step.params)
    ops, outputs, rank = p[0], p[1], p[3]
    texts = [letter(i) for i in range(len(step.inputs))]
    at = 4 + rank
    for _ in range(ops):
        opcode, _dtype, *arguments, _immediate = p[at : at + 6]
        texts.append(applied(names[opcode], (texts[a] for a in arguments if a >= 0)))
        at += 6
    ends = (p[at + 2 * k : at + 2 * k + 2] for k in range(outputs))
    return output_texts(
        applied(names[reduction], [texts[register]]) if reduction else texts[register]
        for register, reduction in ends
    )
