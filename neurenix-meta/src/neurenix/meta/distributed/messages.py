"""Messages: what workers are told and asked, and what they answer."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import neurenix as nx
from neurenix import optim
from neurenix.backends.protocol import FLOAT32
from neurenix.settings import current_precision

from ..memory import MemoryPlan
from ..method import Method
from ..tasks.batches import Numbers
from ..training.strategy import Row
from .flat import Bytes, Layout
from .shares import Block

# ---- what they are told --------------------------------------------------------------


@dataclass(frozen=True)
class Pupil:
    """A learner as workers are told of it.

    seeds       of its random streams, in the order of `streams_of`
    optimizer   that the worker makes steps with, if it is to
    """

    method: Method
    seeds: tuple[int, ...]
    optimizer: optim.Optimizer | None = None


class Still(NamedTuple):
    """New values of what no meta-step changes in a learner, by name."""

    learner: str
    values: dict[str, NDArray[np.generic]]


class About(NamedTuple):
    """A worker as a crew sees it.

    neurenix, code, python   its version of Neurenix, the digest of the files, and its
                             version of Python
    device                   the type of its device
    bits                     what the bits of results depend on there; None: not known
    host, process            where it is
    """

    neurenix: str
    code: str
    python: str
    device: str
    bits: dict[str, str] | None
    host: str
    process: int

    @staticmethod
    def heard(said: Mapping[str, Any]) -> About:
        """What a worker says of itself, as a dict: one of another state of the code may
        say less, or more."""
        return About(*(said.get(name, "") for name in About._fields))


# ---- what they are asked -------------------------------------------------------------


class Way(NamedTuple):
    """How a job is carried out. Only the precision changes results.

    chunk       at most so many tasks at once; 0: the engine chooses
    limit       bytes that a program may take; None: any
    compile     False: everything runs as ordinary Python
    precision   of float32 products, as of `nx.init`
    """

    chunk: int = 0
    limit: int | None = None
    compile: bool = True
    precision: str = FLOAT32

    def now(self) -> Way:
        """With the precision that `nx.init` has chosen by now in this process."""
        return self._replace(precision=current_precision())

    def entered(self) -> AbstractContextManager[object]:
        return nullcontext() if self.compile else nx.debug.eager()


class Share(NamedTuple):
    """A worker's tasks of a batch: their numbers, and where they begin in it."""

    numbers: Numbers
    first: int


class Unit(NamedTuple):
    """Tasks that are scored together.

    numbers   of the tasks
    size      how many the program takes: the rest is filled up
    first     where they begin within the call of one process that has them
    call      the number of that call
    """

    numbers: Numbers
    size: int
    first: int
    call: int


# ---- what they answer ----------------------------------------------------------------


class Form(NamedTuple):
    """What lies in a flat buffer of sums, which random streams the tasks drew from, and
    how the program keeps to a limit of memory, if there is one."""

    structure: Hashable
    layout: Layout
    drawn: tuple[int, ...]
    plan: MemoryPlan | None


class Partial(NamedTuple):
    """The sums of a block."""

    block: Block
    sums: Bytes
    form: Form


class Apart(NamedTuple):
    """What came of steps apart: each one's numbers, and the state after the last."""

    rows: list[Row]
    state: Bytes


class Scored(NamedTuple):
    """What came of a unit: scores by name, which random streams were drawn from, and
    how the program keeps to a limit of memory, if there is one."""

    scores: dict[str, NDArray[np.float64]]
    drawn: tuple[int, ...]
    plan: MemoryPlan | None
