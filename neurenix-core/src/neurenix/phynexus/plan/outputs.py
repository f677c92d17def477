"""Decides where a region's outputs are written: by their producers in place, where they
can be.

A state input is overwritten in place if nothing reads it later.
"""

from __future__ import annotations

from typing import Any

from .frame import Frame
from .instructions import Fused
from .views import Block, Shape, View, contiguous


def store_outputs(frame: Frame) -> list[Shape]:
    """Give each output its home, or a copy to it; their strides."""
    strides: list[Shape] = []
    taken: set[Any] = set()
    late: list[tuple[View, View]] = []
    overwriting = _Overwriting(frame)
    for n, symbol in enumerate(frame.program.outputs):
        view = frame.views[symbol]
        natural = view.is_dense and n >= frame.visible
        direct = (
            isinstance(view.root, Block)
            and view.root not in taken
            and view.offset == 0
            and view.root.nbytes == frame.limits.stored_bytes(symbol.type)
            and (natural or view.is_contiguous)
            and (n >= frame.state or overwriting.allowed(n, view))
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
        frame.copy(view, out)
    return strides


class _Overwriting:
    """Finds the state inputs that may be overwritten, by what the steps read and
    write."""

    def __init__(self, frame: Frame) -> None:
        self.steps = list(frame.steps)
        self.writing: dict[Any, list[int]] = {}  # by block: the steps
        self.reading: dict[int, list[tuple[int, View]]] = {}  # by number of the input
        for k, step in enumerate(self.steps if frame.state else ()):
            for root in {id(o.root): o.root for o in step.outputs if o}.values():
                self.writing.setdefault(root, []).append(k)
            for v in step.inputs:
                if isinstance(v.root, tuple) and v.root[0] == "input":
                    self.reading.setdefault(v.root[1], []).append((k, v))
        roots = [frame.views[s].root for s in frame.program.outputs]
        self.given_out = {r for r in roots if isinstance(r, tuple)}

    def allowed(self, n: int, view: View) -> bool:
        """Whether the state input n may be overwritten: no step reads it after its new
        value is written, save element by element in the very step that writes it."""
        writing = self.writing.get(view.root, ())
        if len(writing) != 1 or ("input", n) in self.given_out:
            return False
        for k, v in self.reading.get(n, ()):
            step = self.steps[k]
            alike = (
                v.strides == view.strides and v.offset == 0 and v.shape == view.shape
            )
            stored = isinstance(step.params, Fused) and not step.params.reduced
            if k > writing[0] or (k == writing[0] and not (alike and stored)):
                return False
        return True
