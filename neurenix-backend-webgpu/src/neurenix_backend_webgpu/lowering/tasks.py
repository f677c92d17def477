"""A map whose iterations are tasks: one workgroup runs one of them (`task_text`).

What is summed over the tasks goes to scratch, a term of each, and is added in the order
of the index (`tree_sum`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurenix import uint32
from neurenix.errors import OutOfMemoryError
from neurenix.phynexus.plan.instructions import Map
from neurenix.phynexus.plan.plan import Step
from neurenix.phynexus.plan.views import Block, View

from .kernel import Kernel, Row
from .storage import element_bytes
from .task_text import TaskText
from .tree_sum import tree_sum
from .work import words_of

ALIGNED = 16  # words: what a piece of scratch is a multiple of
CONSTANTS_START = View(("constants", None), uint32, (), ())


def task_kernels(step: Step, p: Map, text: TaskText, page_words: int) -> list[Kernel]:
    """The kernels of a map, for whose body `text` is to have the functions.

    Raises OutOfMemoryError where one task takes more scratch than a page has.
    """
    region = text.region(step.region)
    outputs = [v for v in step.outputs if v is not None]
    if not p.iterations:
        return [
            k
            for v, s in zip(outputs, p.summed, strict=True)
            if s
            for k in _sums(v, View(Block(4), v.dtype, (0, 1), (1, 1)))
        ]
    words = -(-max(region.scratch, 1) // ALIGNED) * ALIGNED
    if words > page_words:
        raise OutOfMemoryError(
            f"one iteration of a map takes {4 * words / 1e6:,.0f} MB of scratch, and a "
            f"kernel of this device can bind {4 * page_words / 1e6:,.0f} MB at once; "
            "make the iterations smaller"
        )
    at_once = min(p.chunk or p.iterations, p.iterations, page_words // words)
    scratch = _words(Block(4 * at_once * words), at_once * words)
    tasks = _Tasks(step, p, text, words, scratch, _Terms(outputs, p))
    kernels = [
        tasks.kernel(first, min(at_once, p.iterations - first))
        for first in range(0, p.iterations, at_once)
    ]
    for view, part in zip(outputs, tasks.terms.views, strict=True):
        if part is not None:
            kernels += _sums(view, part)
    return kernels


@dataclass(frozen=True)
class _Tasks:
    """The tasks of a map, of which each has `words` of the scratch."""

    step: Step
    p: Map
    text: TaskText
    words: int
    scratch: View
    terms: _Terms

    def kernel(self, first: int, groups: int) -> Kernel:
        """So many tasks from the first on."""
        row = Row()
        start = row.number(first)
        given = [
            _row_of_task(row, v, m)
            for v, m in zip(self.step.inputs, self.p.mapped, strict=True)
        ]
        for view, part in zip(self.terms.outputs, self.terms.views, strict=True):
            given.append(_row_of_task(row, part or view, True, write=True))
        given.append(f"{row.view(self.scratch, write=True)} + group * {self.words}u")
        given.append(row.view(CONSTANTS_START))
        lines = [
            f"if (group >= {row.number(groups)}) {{ return; }}",
            f"let task = {start} + group;",
            f"{self.text.region(self.step.region).name}(lane, {', '.join(given)});",
        ]
        body = "\n".join(f"  {line}" for line in lines)
        functions = tuple(self.text.functions)
        return Kernel(body, tuple(row.words), tuple(row.writes), groups, functions)


def _words(root: object, words: int, offset: int = 0) -> View:
    return View(root, uint32, (words,), (1,), offset)


def _row_of_task(row: Row, view: View, mapped: bool, write: bool = False) -> str:
    """The address of a task's part of a view."""
    stride = words_of(view, view.strides[0]) if mapped and view.shape[0] > 1 else 0
    base = row.view(in_words(view), write)
    return f"{base} + task * {stride & 0xFFFFFFFF}u" if stride else base


def in_words(view: View) -> View:
    """A view by whose offset a word of memory is found; of smaller elements all the
    words between the first and the last."""
    if element_bytes(view.dtype) == 4:
        return view
    reach = 1 + sum(
        max(s, 0) * (n - 1) for n, s in zip(view.shape, view.strides, strict=True) if n
    )
    words = -(-reach * element_bytes(view.dtype) // 4)
    return _words(view.root, words, words_of(view, view.offset))


class _Terms:
    """Where the tasks put their terms of each sum: one row of scratch a task."""

    def __init__(self, outputs: list[View], p: Map) -> None:
        self.outputs = outputs
        block = Block(0)
        at: list[int | None] = []
        words = 0
        for view, sums in zip(outputs, p.summed, strict=True):
            at.append(words if sums else None)
            if sums:
                words += -(-math.prod(view.shape) * element_bytes(view.dtype) // 4)
        block.nbytes = 4 * max(words * p.iterations, 1)
        self.views: list[View | None] = []
        for view, start in zip(outputs, at, strict=True):
            if start is None:
                self.views.append(None)
                continue
            size = element_bytes(view.dtype)
            shape = (p.iterations, math.prod(view.shape))
            strides = (words * 4 // size, 1)
            self.views.append(
                View(block, view.dtype, shape, strides, start * 4 // size)
            )


def _sums(out: View, terms: View) -> list[Kernel]:
    flat = View(out.root, out.dtype, (math.prod(out.shape),), (1,), out.offset)
    return tree_sum(terms, flat)
