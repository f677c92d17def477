"""The operations of a fused step as lines of WGSL, a register for each value."""

from __future__ import annotations

from collections.abc import Sequence

from neurenix import dtypes
from neurenix.dtypes import Dtype
from neurenix.phynexus.plan.instructions import NAMES, Op

from .scalar import expression

_DTYPES = {d.code: d for d in dtypes.ALL}


def registers(
    inputs: Sequence[str], given: Sequence[Dtype], ops: Sequence[Op]
) -> tuple[list[str], list[Dtype]]:
    """Lines that load the inputs and run the operations, and each register's dtype."""
    lines = [f"let r{n} = {text};" for n, text in enumerate(inputs)]
    kinds = list(given)
    for op in ops:
        dtype = _DTYPES[op.dtype]
        text = expression(
            NAMES[op.opcode],
            dtype,
            [kinds[r] for r in op.registers],
            [f"r{r}" for r in op.registers],
            op.immediate,
        )
        lines.append(f"let r{len(kinds)} = {text};")
        kinds.append(dtype)
    return lines, kinds
