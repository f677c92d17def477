"""Lowers a program to its dispatch list: each step of the plan becomes a kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from neurenix.phynexus.plan.instructions import NAMES
from neurenix.phynexus.plan.lowering import make_plan
from neurenix.phynexus.plan.plan import Region, Step
from neurenix.phynexus.plan.views import Block, View
from neurenix.primitives.sources import ConstantArray
from neurenix.program import Program

from . import fused, indexing, movement, products
from .dispatch_list import (
    CONSTANTS,
    FIRST_INPUT,
    Address,
    Dispatch,
    DispatchList,
)
from .kernel import Kernel
from .pages import PAGE_WORDS, place_on_pages
from .scalar import ELEMENTWISE
from .storage import to_words, word_count

Lower = Callable[[Step, Any], Kernel | None]
KERNELS: dict[str, Lower] = {
    "fused": fused.fused,
    "copy": movement.copy,
    "iota": movement.iota,
    "dot_general": products.dot_general,
    "gather": indexing.gather,
    "scatter_add": indexing.scatter_add,
}

_NO_STEP = frozenset(
    [
        "reshape",
        "transpose",
        "broadcast",
        "pad",
        "slice",
        "flip",
        "concat",
        "constant",
        "barrier",
        "stop_gradient",
    ]
)

#: What programs may have; all else comes decomposed.
PRIMITIVES = (ELEMENTWISE | fused.REDUCTIONS | _NO_STEP | set(KERNELS)) - {"copy"}


def lower(
    program: Program, state: int = 0, page_words: int = PAGE_WORDS
) -> DispatchList:
    """The dispatch list of a program; its first `state` outputs replace the first
    inputs, in place. No piece of scratch is larger than a page."""
    plan = make_plan(program, state)
    region = plan.regions[-1]
    out = DispatchList(
        tuple(word_count(t) for t in program.input_types),
        tuple(word_count(t) for t in program.output_types),
        state,
    )
    out.scratch = _place(region, page_words)
    modules: dict[str, int] = {}
    constants = _Constants()
    for step in region.steps:
        kernel = KERNELS[NAMES[step.opcode]](step, step.params)
        if kernel is None:
            continue
        module = modules.setdefault(kernel.text, len(modules))
        row: list[int] = []
        addresses: list[Address] = []
        for view in kernel.operands:
            space, offset = _where(view, out, constants, page_words)
            addresses.append(Address(len(row), space))
            row.append(offset)
        row += kernel.numbers
        out.dispatches.append(
            Dispatch(module, kernel.groups, tuple(row), tuple(addresses), step.source)
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


def _place(region: Region, page_words: int) -> tuple[int, ...]:
    """Place the blocks anew, whose elements are words here; the pieces of scratch, in
    words."""
    blocks: dict[Block, int] = {}
    for view in _views(region):
        if isinstance(view.root, Block):
            blocks[view.root] = view.root.nbytes // view.dtype.itemsize * 4
    for block, nbytes in blocks.items():
        block.nbytes = nbytes
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
