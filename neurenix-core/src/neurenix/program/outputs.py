"""Where a region's outputs are written: by their producers in place, where they can be.

A state input is overwritten in place if nothing reads it later.
"""

from __future__ import annotations

from typing import Any

from ..primitives import ops
from .frame import COPY, Frame
from .layout import Block, Shape, View, contiguous

_FUSED = ops.fused.opcode


def store_outputs(frame: Frame) -> list[Shape]:
    """Give each output its home, or a copy to it; their strides."""
    strides: list[Shape] = []
    taken: set[Any] = set()
    late: list[tuple[View, View]] = []
    for n, symbol in enumerate(frame.program.outputs):
        view = frame.views[symbol]
        natural = view.is_dense and n >= frame.visible
        direct = (
            isinstance(view.root, Block)
            and view.root not in taken
            and view.offset == 0
            and view.root.nbytes == symbol.type.nbytes
            and (natural or view.is_contiguous)
            and (n >= frame.state or _may_overwrite(frame, n, view))
        )
        if direct:
            taken.add(view.root)
            view.root.home = ("output", n)
            strides.append(view.strides)
            continue
        out = View(("output", n), view.dtype, view.shape, contiguous(view.shape))
        if (
            isinstance(view.root, tuple)
            and view.root[0] == "input"
            and view.root[1] < frame.state
        ):
            view = frame.copied(view)  # a later copy may overwrite it
        late.append((view, out))
        strides.append(out.strides)
    for view, out in late:
        frame.emit(COPY, [view], [out], [])
    return strides


def _may_overwrite(frame: Frame, n: int, view: View) -> bool:
    """Whether the state input n is never read after its new value is written, but
    element by element in the very step that writes it."""
    writing = [
        k
        for k, s in enumerate(frame.steps)
        if any(o is not None and o.root is view.root for o in s.outputs)
    ]
    if len(writing) != 1:
        return False
    for k, step in enumerate(frame.steps):
        for v in step.inputs:
            if v.root != ("input", n):
                continue
            alike = (
                v.strides == view.strides and v.offset == 0 and v.shape == view.shape
            )
            stored = step.opcode == _FUSED and step.params[2] == 0
            if k > writing[0] or (k == writing[0] and not (alike and stored)):
                return False
    return not any(
        frame.views[s].root == ("input", n)
        for m, s in enumerate(frame.program.outputs)
        if m != n
    )
