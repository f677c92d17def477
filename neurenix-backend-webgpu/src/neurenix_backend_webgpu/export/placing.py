"""A plan's scratch, placed anew after its steps were changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from neurenix.dtypes import Dtype
from neurenix.errors import ExportError
from neurenix.phynexus.plan.instructions import NAMES
from neurenix.phynexus.plan.place import place
from neurenix.phynexus.plan.plan import Plan, Step
from neurenix.phynexus.plan.views import Block, View

from .layout import DTYPES


def place_anew(plan: Plan) -> None:
    """Give every block its offset, in bytes, and every region its scratch, which the
    blocks of its calls take."""
    for region in plan.regions:
        sizes: dict[Block, int] = {}
        for k, step in enumerate(region.steps):
            for block, nbytes in _blocks(step, plan):
                if block not in sizes:
                    block.first = k
                block.last = k
                sizes[block] = nbytes
        for block, nbytes in sizes.items():
            block.nbytes = nbytes
        region.scratch = place(sizes)


def _blocks(step: Step, plan: Plan) -> Iterator[tuple[Block, int]]:
    """The pieces of scratch that a step touches, and their bytes."""
    for view in (*step.inputs, *outputs_of(step)):
        if isinstance(view.root, Block) and view.root.home is None:
            yield view.root, view.root.nbytes
    for block in step.params.blocks():
        yield block, plan.regions[step.region].scratch


def check_dtypes(steps: Sequence[Step]) -> None:
    """Raises ExportError where one has a dtype that the web has not."""
    for step in steps:
        for view in (*step.inputs, *outputs_of(step)):
            letter_of(view.dtype, NAMES[step.opcode], step)


def letter_of(dtype: Dtype, operation: str, step: Step) -> str:
    """The letter of a dtype that an operation of a step works in."""
    if dtype.name not in DTYPES:
        raise ExportError(
            f"export: the web has no {dtype.name}, in which {operation} computes at "
            f"{step.source or 'an unknown line'}; it has {', '.join(DTYPES)}"
        )
    return DTYPES[dtype.name]


def outputs_of(step: Step) -> list[View]:
    """The views that a step writes."""
    return [view for view in step.outputs if view is not None]
