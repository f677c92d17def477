"""Operands of a region begin with a word of memory: bytes and halves that do not are
copied to where they do, before it runs, and results from there after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from neurenix.phynexus.plan.instructions import OPCODES, Call, Copy, Map, Scan
from neurenix.phynexus.plan.plan import Step
from neurenix.phynexus.plan.views import Block, View

from .fused import copy
from .kernel import Kernel
from .storage import element_bytes


class Aligned(NamedTuple):
    """A control step on aligned operands, and the copies around it."""

    step: Step
    before: list[Kernel]
    after: list[Kernel]


def aligned(step: Step) -> Aligned:
    by_row_in, by_row_out = _by_row(step)
    before: list[Kernel] = []
    after: list[Kernel] = []
    inputs: list[View] = []
    for view, rows in zip(step.inputs, by_row_in, strict=True):
        inputs.append(in_whole_words(view, rows))
        if inputs[-1] is not view:
            before += copied(view, inputs[-1])
    outputs: list[View | None] = []
    for out, rows in zip(step.outputs, by_row_out, strict=True):
        outputs.append(None if out is None else in_whole_words(out, rows))
        if out is not None and outputs[-1] is not out:
            made = outputs[-1]
            assert made is not None
            after += copied(made, out)
    return Aligned(replace(step, inputs=inputs, outputs=outputs), before, after)


def in_whole_words(view: View, rows: bool) -> View:
    """The view, if it begins with a word, and each row does; else one of the same
    strides within a row that does.

    >>> from neurenix import uint8
    >>> odd = View(Block(15), uint8, (3, 5), (5, 1))
    >>> in_whole_words(odd, True).strides, in_whole_words(odd, False) is odd
    ((8, 1), True)
    """
    in_word = 4 // element_bytes(view.dtype)
    step = view.strides[0] if rows and view.shape[0] > 1 else 0
    if not view.offset % in_word and not step % in_word:
        return view
    count = view.shape[0] if rows else 1
    shape, strides = view.shape[int(rows) :], view.strides[int(rows) :]
    reach = [s * (n - 1) for n, s in zip(shape, strides, strict=True)]
    start = _rounded(-sum(min(r, 0) for r in reach), in_word)
    span = _rounded(start + sum(max(r, 0) for r in reach) + 1, in_word)
    block = Block(count * span * element_bytes(view.dtype))
    all_strides = (span, *strides) if rows else strides
    return View(block, view.dtype, view.shape, all_strides, start)


def copied(source: View, target: View) -> list[Kernel]:
    """The kernels that copy a value."""
    return copy(Step(OPCODES["copy"], [source], [target], Copy()), Copy())


def _rounded(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple


def _by_row(step: Step) -> tuple[Sequence[bool], Sequence[bool]]:
    """Which operands have an axis of iterations."""
    p = step.params
    if isinstance(p, Map):
        return p.mapped, [not s for s in p.summed]
    if isinstance(p, Scan):
        fixed = p.consts + len(p.carries)
        ins = [k >= fixed for k in range(len(step.inputs))]
        return ins, [k >= len(p.carries) for k in range(len(step.outputs))]
    assert isinstance(p, Call)
    return [False] * len(step.inputs), [False] * len(step.outputs)
