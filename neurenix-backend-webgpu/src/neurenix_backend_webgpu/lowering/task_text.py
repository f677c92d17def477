"""Regions as WGSL functions: what one workgroup runs for one task.

A region's function takes the addresses of its inputs, outputs, scratch and of the
constants. Each step is the body of the kernel that the whole device would run, its
groups in a loop, its numbers written out. Steps that wait for others stand behind a
barrier. A call is a call, a scan a loop: the text does not grow with the iterations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from neurenix.phynexus.plan.place import place
from neurenix.phynexus.plan.plan import Region
from neurenix.phynexus.plan.views import Block, View
from neurenix.primitives.sources import ConstantArray

from .hazards import waits
from .kernel import WORD, Kernel
from .levels import turns
from .merged import function
from .work import Spot, Track, Turn, Work, use, views_of, words_of

SHARES = "workgroupBarrier"  # in the text of what uses the memory of a workgroup


@dataclass(frozen=True)
class RegionFunction:
    """A region as a function.

    name      of the function
    scratch   the words that it takes
    shares    whether it uses the memory of the workgroup
    """

    name: str
    scratch: int
    shares: bool


@dataclass
class TaskText:
    """The functions of one task kernel, each after those that it calls.

    plan          the regions of the plan
    work_of       the work of a region, by the scratch that inner ones take, in words
    constant_at   where a constant lies among all constants
    table         where words lie that are put there
    """

    plan: Sequence[Region]
    work_of: Callable[[Region, Callable[[int], int]], Sequence[Work]]
    constant_at: Callable[[ConstantArray], int]
    table: Callable[[Sequence[int]], int]
    functions: list[str] = field(default_factory=list)
    regions: dict[int, RegionFunction] = field(default_factory=dict)
    steps: dict[str, str] = field(default_factory=dict)  # name, by what it does

    def region(self, number: int) -> RegionFunction:
        """The function of a region, made once."""
        found = self.regions.get(number)
        if found is None:
            found = self.regions[number] = self._made(self.plan[number])
        return found

    def _made(self, region: Region) -> RegionFunction:
        work = self.work_of(region, lambda n: self.region(n).scratch)
        order = turns(
            waits([use(w) for w in work]), [isinstance(w, Turn) for w in work]
        )
        scratch = _placed(work, order)
        lines: list[str] = []
        shares = ever = False  # since the last barrier, and at all
        for k, pieces in enumerate(_repeated([[work[n] for n in o] for o in order])):
            if k:
                lines += _barrier(shares)
                shares = False
            for piece in pieces:
                text, uses = self._piece(piece)
                if shares and uses:
                    lines.append("workgroupBarrier();")
                lines += text
                shares, ever = shares or uses, ever or uses
        name = f"region{len(self.regions)}"
        inputs = [f"input{k}" for k in range(region.inputs)]
        outputs = [f"output{k}" for k in range(len(region.output_strides))]
        parameters = "".join(
            f", {p}: u32" for p in (*inputs, *outputs, "scratch", "constants")
        )
        body = "\n".join(f"  {line}" for line in lines)
        self.functions.append(f"fn {name}(lane: u32{parameters}) {{\n{body}\n}}")
        return RegionFunction(name, scratch, ever)

    def _piece(self, piece: Work | list[Turn]) -> tuple[list[str], bool]:
        if isinstance(piece, list):
            return self._calls(piece)
        return self._turn(piece) if isinstance(piece, Turn) else self._step(piece)

    def _step(self, kernel: Kernel) -> tuple[list[str], bool]:
        """The call of a step, over its groups."""
        views = [w for w in kernel.row if isinstance(w, View)]
        baked = _with_numbers(kernel)
        name = self.steps.get(baked)
        if name is None:
            name = self.steps[baked] = f"step{len(self.steps)}"
            self.functions.append(function(name, baked, len(views)))
        given = "".join(f", {self._address(v)}" for v in views)
        uses = SHARES in baked
        if kernel.groups == 1:
            return [f"{name}(0u, lane{given});"], uses
        again = ["workgroupBarrier();"] if uses else []
        return [
            f"for (var g = 0u; g < {kernel.groups}u; g = g + 1u) {{",
            f"  {name}(g, lane{given});",
            *again,
            "}",
        ], uses

    def _turn(self, turn: Turn) -> tuple[list[str], bool]:
        region = self.region(turn.region)
        given = ", ".join(self._on_track(track, turn.count) for track in turn.tracks)
        call = f"{region.name}(lane, {given}, constants);"
        if turn.count == 1:
            return [call], region.shares
        return _loop(turn.count, [call], region.shares), region.shares

    def _calls(self, calls: Sequence[Turn]) -> tuple[list[str], bool]:
        """Calls of one region, one after the other: a loop, so that a compiler meets
        the region once. What differs from call to call stands in a table."""
        region = self.region(calls[0].region)
        places = [[self._place(t.only) for t in call.tracks] for call in calls]
        bases = sorted({base for call in places for base, _ in call})
        table: list[list[int]] = [[] for _ in calls]
        columns: list[tuple[str, int | None, int | None]] = []
        for column in zip(*places, strict=True):
            columns.append(_columns(column, bases, table))
        start = self.table([word for row in table for word in row])
        width = len(table[0])
        lines = [f"var bases = array<u32, {len(bases)}>({', '.join(bases)});"]
        lines = lines if any(c[1] is not None for c in columns) else []

        def cell(column: int) -> str:
            return f"load(constants + {start + column}u + n * {width}u)"

        given: list[str] = []
        for fixed, base, offset in columns:
            text = fixed if base is None else f"bases[{cell(base)}]"
            given.append(text if offset is None else f"{text} + {cell(offset)}")
        call = f"{region.name}(lane, {', '.join(given)}, constants);"
        loop = _loop(len(calls), [call], region.shares)
        return ["{", *lines, *loop, "}"], region.shares

    def _address(self, view: View) -> str:
        """The expression of a view's first word, within its region's function."""
        base, words = self._place(view)
        return _plus(base, words)

    def _place(self, view: View) -> tuple[str, int]:
        """The parameter of a view's memory, and the words from there."""
        root = view.root
        words = words_of(view, view.offset)
        if isinstance(root, Block):
            if root.home is None:
                return "scratch", max(root.offset, 0) // 4 + words
            root = root.home
        what, which = root
        if what == "constant":
            return "constants", self.constant_at(which) + words
        return f"{what}{which}", words

    def _on_track(self, track: Track, count: int) -> str:
        """Where a track is in iteration `n`; the choice is the same for all lanes."""
        if count == 1:
            return self._address(track.only)
        text = self._at(track.even)
        if track.odd != track.even:
            text = f"select({self._at(track.odd)}, {text}, (n & 1u) == 0u)"
        if track.last is not None:
            text = f"select({text}, {self._at(track.last)}, n == {count - 1}u)"
        if track.first is not None:
            text = f"select({text}, {self._at(track.first)}, n == 0u)"
        return text

    def _at(self, spot: Spot) -> str:
        text = self._address(spot.view)
        return f"{text} + n * {spot.stride & 0xFFFFFFFF}u" if spot.stride else text


def _with_numbers(kernel: Kernel) -> str:
    """The body of a kernel whose only words are the addresses."""
    which: dict[int, str] = {}
    views = 0
    for k, word in enumerate(kernel.row):
        if isinstance(word, View):
            which[k] = f"${views}"
            views += 1
        else:
            which[k] = f"{word}u"
    return WORD.sub(lambda m: which[int(m[1])], kernel.body)


def _barrier(shares: bool) -> list[str]:
    """What is written before is read after it."""
    return ["storageBarrier();", *(["workgroupBarrier();"] if shares else [])]


def _loop(count: int, lines: Sequence[str], shares: bool) -> list[str]:
    start = f"for (var n = 0u; n < {count}u; n = n + 1u) {{"
    return [start, *(f"  {line}" for line in (*lines, *_barrier(shares))), "}"]


def _columns(
    places: Sequence[tuple[str, int]],
    bases: Sequence[str],
    table: Sequence[list[int]],
) -> tuple[str, int | None, int | None]:
    """An operand of repeated calls: what it is in all of them, and the columns of the
    table that say which base and how many words more it is in each."""
    base, words = places[0]
    which = more = None
    if any(b != base for b, _ in places):
        which = len(table[0])
        for row, (b, _) in zip(table, places, strict=True):
            row.append(bases.index(b))
    if all(w == words for _, w in places) and which is None:
        return _plus(base, words), None, None
    more = len(table[0])
    for row, (_, w) in zip(table, places, strict=True):
        row.append(w)
    return base, which, more


def _repeated(
    order: Sequence[Sequence[Work]],
) -> list[list[Work | list[Turn]]]:
    """What runs together, with calls of one region in a row as one piece."""
    out: list[list[Work | list[Turn]]] = []
    for together in order:
        only = together[0] if len(together) == 1 else None
        if not isinstance(only, Turn) or only.count > 1:
            out.append(list(together))
            continue
        before = out[-1][0] if out and len(out[-1]) == 1 else None
        if isinstance(before, list) and before[0].region == only.region:
            before.append(only)
        else:
            out.append([[only]])
    return [
        [p[0] if isinstance(p, list) and len(p) == 1 else p for p in pieces]
        for pieces in out
    ]


def _plus(name: str, words: int) -> str:
    return f"{name} + {words}u" if words else name


def _placed(work: Sequence[Work], order: Sequence[Sequence[int]]) -> int:
    """Give the blocks of a region offsets, alive from level to level; the words that
    they take together."""
    return place(alive(work, order)) // 4


def alive(work: Sequence[Work], order: Sequence[Sequence[int]]) -> list[Block]:
    """The blocks of the scratch, and when the first and the last piece of work touches
    each."""
    blocks: dict[Block, None] = {}
    for k, level in enumerate(order):
        for n in level:
            for view in views_of(work[n]):
                block = view.root
                if not isinstance(block, Block) or block.home is not None:
                    continue
                if block not in blocks:
                    block.first = k
                    blocks[block] = None
                block.last = k
    return list(blocks)
