"""Lowers a program to its dispatch list: steps become kernels, those that do not wait
for each other go into one dispatch, the bodies of calls and scans become regions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from neurenix.errors import OutOfMemoryError
from neurenix.phynexus.plan.describe import describe_step
from neurenix.phynexus.plan.instructions import Call, Map, Scan
from neurenix.phynexus.plan.lowering import make_plan
from neurenix.phynexus.plan.place import place
from neurenix.phynexus.plan.plan import Plan, Region, Step
from neurenix.phynexus.plan.views import Block, View
from neurenix.primitives.sources import ConstantArray
from neurenix.program import Program

from . import replay
from .control import call, scan
from .device_numbers import LIMITS
from .dispatch import CONSTANTS, FIRST_INPUT, Address, Dispatch, Words
from .dispatch_list import DispatchList
from .hazards import waits
from .kernel import Kernel, Origin
from .levels import turns
from .merged import merged
from .pages import PAGE_WORDS, place_on_pages
from .replay import Place
from .steps import kernels_of
from .storage import to_words, word_count
from .task_text import TaskText, alive
from .tasks import task_kernels
from .whole_words import aligned
from .work import Spot, Track, Turn, Work, use, words_of


def lower(
    program: Program,
    state: int = 0,
    page_words: int = PAGE_WORDS,
) -> DispatchList:
    """The dispatch list of a program; its first `state` outputs replace the first
    inputs, in place. No piece of scratch is larger than a page."""
    plan = make_plan(program, state, LIMITS)
    out = DispatchList(
        tuple(word_count(t) for t in program.input_types),
        tuple(word_count(t) for t in program.output_types),
        state,
    )
    lowering = _Lowering(plan, page_words)
    main = plan.regions[-1]
    work = lowering.work_of(main, lowering.scratch_of)
    order = _ordered(work, state)
    out.scratch = place_on_pages(alive(work, order), page_words)
    spaces = _Spaces(len(out.inputs), len(out.outputs), page_words)
    out.entries = lowering.entries(work, order, spaces)
    out.regions = lowering.regions
    out.modules = list(lowering.modules)
    out.constants = lowering.constants.words()
    return out


def _ordered(work: Sequence[Work], state: int = 0) -> list[list[int]]:
    """Which pieces run together, in turns. A region is a turn of its own, and so are
    tasks, whose text is long."""
    alone = [isinstance(w, Turn) or bool(w.functions) for w in work]
    return turns(waits([use(w, state) for w in work]), alone)


@dataclass(frozen=True)
class _Spaces:
    """The spaces of a list, or of a region, whose scratch is one piece."""

    inputs: int
    outputs: int
    page_words: int

    @property
    def first_scratch(self) -> int:
        return FIRST_INPUT + self.inputs + self.outputs

    def where(self, view: View, constant_at: Callable[[ConstantArray], int]) -> Place:
        """A view's space, and the word of its first element there."""
        root, words = view.root, words_of(view, view.offset)
        if isinstance(root, Block):
            if root.home is None:
                piece, at = divmod(max(root.offset, 0) // 4, self.page_words)
                return self.first_scratch + piece, at + words
            root = root.home
        what, which = root
        if what == "constants":
            return CONSTANTS, words
        if what == "constant":
            return CONSTANTS, constant_at(which) + words
        first = FIRST_INPUT if what == "input" else FIRST_INPUT + self.inputs
        return first + which, words


class _Lowering:
    """The modules, constants and regions that a list is made of."""

    def __init__(self, plan: Plan, page_words: int) -> None:
        self.plan = plan
        self.page_words = page_words
        self.modules: dict[str, int] = {}
        self.constants = _Constants()
        self.regions: list[replay.Region] = []
        self._numbers: dict[int, tuple[int, int]] = {}  # number and scratch

    # ---- work ------------------------------------------------------------------------

    def work_of(self, region: Region, scratch_of: Callable[[int], int]) -> list[Work]:
        """The kernels and turns of a region; `scratch_of`: the words that an inner one
        takes."""
        return [w for step in region.steps for w in self._of_step(step, scratch_of)]

    def _of_step(self, step: Step, scratch_of: Callable[[int], int]) -> Sequence[Work]:
        work: list[Work]
        if step.region < 0:
            work = [*kernels_of(step)]
        else:
            step, before, after = aligned(step)
            work = [*before, *self._of_region(step, scratch_of), *after]
        origin = Origin(describe_step(step), step.source)
        return [replace(w, step=origin) if isinstance(w, Kernel) else w for w in work]

    def _of_region(
        self, step: Step, scratch_of: Callable[[int], int]
    ) -> Sequence[Work]:
        p = step.params
        if isinstance(p, Call):
            return call(step, p, scratch_of(step.region))
        if isinstance(p, Scan):
            return scan(step, p, scratch_of(step.region))
        assert isinstance(p, Map)
        text = TaskText(
            self.plan.regions, self.work_of, self.constants.at, self.constants.table
        )
        return task_kernels(step, p, text, self.page_words)

    def scratch_of(self, number: int) -> int:
        """The scratch of a region that is replayed, in words."""
        return self._replayed(number)[1]

    def _replayed(self, number: int) -> tuple[int, int]:
        """A region's number in the list, and its scratch."""
        if number not in self._numbers:
            region = self.plan.regions[number]
            work = self.work_of(region, self.scratch_of)
            order = _ordered(work)
            words = place(alive(work, order)) // 4
            if words > self.page_words:
                raise OutOfMemoryError(
                    f"the body of a loop takes {4 * words / 1e6:,.0f} MB of scratch, "
                    "and a kernel of this device can bind "
                    f"{4 * self.page_words / 1e6:,.0f} MB at once; run fewer tasks at "
                    "once with chunk= (or max_memory=), or take smaller batches"
                )
            spaces = _Spaces(region.inputs, len(region.output_strides), self.page_words)
            made = self.entries(work, order, spaces)
            self._numbers[number] = len(self.regions), words
            count = spaces.first_scratch + 1
            self.regions.append(replay.Region(count, tuple(made)))
        return self._numbers[number]

    # ---- entries ---------------------------------------------------------------------

    def entries(
        self, work: Sequence[Work], order: Sequence[Sequence[int]], spaces: _Spaces
    ) -> list[replay.Entry]:
        """In order, each with the addresses of its operands."""
        out: list[replay.Entry] = []
        for turn in order:
            kernels: list[Kernel] = []
            for n in turn:
                piece = work[n]
                if isinstance(piece, Turn):
                    out.append(self._replay(piece, spaces))
                else:
                    kernels.append(piece)
            out += [self._dispatch(k, spaces) for k in merged(kernels)]
        return out

    def _dispatch(self, kernel: Kernel, spaces: _Spaces) -> Dispatch:
        module = self.modules.setdefault(kernel.text, len(self.modules))
        row: list[int] = []
        addresses: list[Address] = []
        for word in kernel.row:
            if isinstance(word, View):
                space, offset = spaces.where(word, self.constants.at)
                addresses.append(Address(len(row), space))
                row.append(offset)
            else:
                row.append(word)
        source = None if kernel.step is None else kernel.step.source
        what = None if kernel.step is None else kernel.step.description
        return Dispatch(module, kernel.grid, tuple(row), tuple(addresses), source, what)

    def _replay(self, turn: Turn, spaces: _Spaces) -> replay.Replay:
        def at(spot: Spot | None) -> replay.Spot | None:
            if spot is None:
                return None
            space, offset = spaces.where(spot.view, self.constants.at)
            return replay.Spot(space, offset, spot.stride)

        def along(track: Track) -> replay.Track:
            even, odd = at(track.even), at(track.odd)
            assert even is not None and odd is not None
            return replay.Track(even, odd, at(track.first), at(track.last))

        number = self._replayed(turn.region)[0]
        return replay.Replay(number, turn.count, tuple(map(along, turn.tracks)))


class _Constants:
    """The constants of a program, one behind the other."""

    def __init__(self) -> None:
        self.places: dict[ConstantArray, int] = {}
        self.tables: dict[int, tuple[int, ...]] = {}  # by where they lie
        self.count = 0

    def at(self, constant: ConstantArray) -> int:
        if constant not in self.places:
            self.places[constant] = self.count
            self.count += max(word_count(constant.type), 1)
        return self.places[constant]

    def table(self, words: Sequence[int]) -> int:
        """Where these words lie."""
        at = self.count
        self.tables[at] = tuple(words)
        self.count += len(words)
        return at

    def words(self) -> Words:
        out = np.zeros(self.count, np.uint32)
        for at, table in self.tables.items():
            out[at : at + len(table)] = table
        for constant, at in self.places.items():
            words = to_words(constant.array, constant.type.dtype)
            out[at : at + len(words)] = words
        return out
