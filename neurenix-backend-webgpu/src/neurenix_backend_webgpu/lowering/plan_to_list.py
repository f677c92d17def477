"""Lowers a program to its dispatch list: each step of the plan becomes a kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from neurenix.phynexus.plan.describe import describe_step
from neurenix.phynexus.plan.lowering import make_plan
from neurenix.phynexus.plan.plan import Region
from neurenix.phynexus.plan.views import Block, View
from neurenix.primitives.sources import ConstantArray
from neurenix.program import Program

from .dispatch_list import (
    CONSTANTS,
    FIRST_INPUT,
    Address,
    Dispatch,
    DispatchList,
)
from .kernel import Kernel
from .pages import PAGE_WORDS, place_on_pages
from .steps import kernels_of
from .storage import LIMITS, to_words, word_count


def lower(
    program: Program, state: int = 0, page_words: int = PAGE_WORDS
) -> DispatchList:
    """The dispatch list of a program; its first `state` outputs replace the first
    inputs, in place. No piece of scratch is larger than a page."""
    plan = make_plan(program, state, LIMITS)
    region = plan.regions[-1]
    out = DispatchList(
        tuple(word_count(t) for t in program.input_types),
        tuple(word_count(t) for t in program.output_types),
        state,
    )
    kernels = [kernels_of(step) for step in region.steps]
    out.scratch = _place(region, kernels, page_words)
    modules: dict[str, int] = {}
    constants = _Constants()
    for step, made in zip(region.steps, kernels, strict=True):
        for kernel in made:
            module = modules.setdefault(kernel.text, len(modules))
            row: list[int] = []
            addresses: list[Address] = []
            for word in kernel.row:
                if isinstance(word, View):
                    space, word = _where(word, out, constants, page_words)
                    addresses.append(Address(len(row), space))
                row.append(word)
            out.dispatches.append(
                Dispatch(
                    module,
                    kernel.grid,
                    tuple(row),
                    tuple(addresses),
                    step.source,
                    describe_step(step),
                )
            )
    out.modules = list(modules)
    out.constants = constants.words()
    return out


def _where(
    view: View, out: DispatchList, constants: _Constants, page_words: int
) -> tuple[int, int]:
    """A view's space, and the offset of its first element there."""
    root = view.root
    if isinstance(root, Block):
        if root.home is None:
            piece, offset = divmod(root.offset // 4, page_words)
            return out.first_scratch + piece, offset + view.offset
        root = root.home
    what, which = root
    if what == "constant":
        return CONSTANTS, constants.at(which) + view.offset
    first = FIRST_INPUT if what == "input" else out.first_output
    return first + which, view.offset


def _place(
    region: Region, kernels: Sequence[Sequence[Kernel]], page_words: int
) -> tuple[int, ...]:
    """Place the blocks anew, with those that steps use for themselves; the pieces of
    scratch, in words."""
    views = list(_views(region))
    for k, made in enumerate(kernels):
        for view in (v for kernel in made for v in kernel.row if isinstance(v, View)):
            views.append(view)
            if isinstance(view.root, Block) and view.root.first < 0:
                view.root.first = view.root.last = k
    blocks = dict.fromkeys(v.root for v in views if isinstance(v.root, Block))
    placed = [b for b in blocks if b.home is None and b.first >= 0]
    return place_on_pages(placed, page_words)


def _views(region: Region) -> Iterator[View]:
    for step in region.steps:
        yield from step.inputs
        yield from (v for v in step.outputs if v is not None)


class _Constants:
    """The constants of a program, one behind the other."""

    def __init__(self) -> None:
        self.places: dict[ConstantArray, int] = {}
        self.count = 0

    def at(self, constant: ConstantArray) -> int:
        if constant not in self.places:
            self.places[constant] = self.count
            self.count += max(word_count(constant.type), 1)
        return self.places[constant]

    def words(self) -> np.ndarray[Any, np.dtype[np.uint32]]:
        out = np.zeros(self.count, np.uint32)
        for constant, at in self.places.items():
            words = to_words(constant.array, constant.type.dtype)
            out[at : at + len(words)] = words
        return out
