"""A captured program as the dispatches that the runner's WebGPU executor encodes: those
of the native backend, with addresses in the artefact's heap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurenix.passes.pipeline import prepare
from neurenix.program import Program

from ..lowering import lower
from ..lowering.device_numbers import TARGET
from ..lowering.dispatch_list import DispatchList, Rows

# One binding holds the whole heap; how large it may be, the device says.
_PAGE_WORDS = 1 << 30


def dispatches_of(program: Program, state: int) -> DispatchList:
    """The dispatches of a program whose first `state` outputs replace its first
    inputs. It needs no adapter."""
    return lower(prepare(program, TARGET), state, _PAGE_WORDS)


def placed(
    made: DispatchList, bases: Sequence[int], numbers: Sequence[int]
) -> list[list[int]]:
    """A list for each dispatch: its module's number in the artefact, the workgroups of
    each axis, and the row.

    bases     where each space begins in the heap
    numbers   of the list's modules in the artefact
    """
    rows = Rows(made.dispatches).filled(np.array(bases, np.uint32))
    return [
        [numbers[d.module], *d.groups, *row[: len(d.row)].tolist()]
        for d, row in zip(made.dispatches, rows, strict=True)
    ]
