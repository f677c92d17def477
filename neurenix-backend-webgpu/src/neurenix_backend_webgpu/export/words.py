"""A plan's memory in words of 32 bits: every element of every dtype takes one.

Core plans bytes. A browser's storage buffer is an array of words, and so is the memory
of the runner's two executors.
"""

from __future__ import annotations

from collections.abc import Iterator

from neurenix.errors import ExportError
from neurenix.phynexus.plan.place import ALIGNMENT, place
from neurenix.phynexus.plan.plan import Plan, Region, Step
from neurenix.phynexus.plan.views import Block, View

_WORD = 4
DTYPES = {"float32": "f", "int32": "i", "uint32": "u", "uint8": "c", "bool": "b"}


def aligned(words: int) -> int:
    """The words of a piece of memory: whole lines of it."""
    line = ALIGNMENT // _WORD
    return -(-max(words, 1) // line) * line


def placed_in_words(plan: Plan) -> None:
    """Place the scratch of every region anew, with a word for each element.

    Raises ExportError where the plan has a dtype that takes more than a word.
    """
    for region in plan.regions:
        sizes: dict[Block, int] = {}
        for k, step in enumerate(region.steps):
            for block, words in _blocks(step, plan):
                if block not in sizes:
                    block.first = k
                block.last = k
                sizes[block] = words
        for block, words in sizes.items():
            block.nbytes = _WORD * words
        region.scratch = place(sizes)


def _blocks(step: Step, plan: Plan) -> Iterator[tuple[Block, int]]:
    """The pieces of scratch that a step touches, and their words."""
    for view in views_of(step):
        if view.dtype.name not in DTYPES:
            raise ExportError(
                f"export: the web has no {view.dtype.name}, which "
                f"{step.source or 'a step'} needs; it has {', '.join(DTYPES)}"
            )
        if isinstance(view.root, Block) and view.root.home is None:
            yield view.root, view.root.nbytes // view.dtype.itemsize
    for block in step.params.blocks():
        yield block, plan.regions[step.region].scratch // _WORD


def views_of(step: Step) -> Iterator[View]:
    """The views that a step reads, and those that it writes."""
    yield from step.inputs
    yield from (view for view in step.outputs if view is not None)


def words_of_scratch(region: Region) -> int:
    """The words of a region's own scratch."""
    return aligned(region.scratch // _WORD)
