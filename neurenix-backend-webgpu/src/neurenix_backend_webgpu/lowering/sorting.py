"""Stable sorting by (key, place): keys ascend with the values, NaN last, and the old
places break ties.

In a short line every element counts those before it. A longer one goes through
Batcher's bitonic network (1968, "Sorting networks and their applications"), 2048 pairs
in the memory of a workgroup; of more, dispatches compare those across workgroups.
"""

from __future__ import annotations

from collections.abc import Sequence

from neurenix.dtypes import uint32
from neurenix.phynexus.plan.instructions import Sort
from neurenix.phynexus.plan.plan import Step
from neurenix.phynexus.plan.views import Block, View

from .indices import Axes, Offsets, joined, names, unravel
from .kernel import LANES, Kernel, Row, one_each
from .scalar import kind
from .storage import Operand

SHORT = 64
PAIRS = 2048  # of keys and places in 16 KiB


def sort(step: Step, p: Sort) -> list[Kernel]:
    (x,), (values, places) = step.inputs, step.outputs
    assert values is not None
    assert places is not None
    length = x.shape[p.axis]
    order = [a for a in range(len(x.shape)) if a != p.axis]
    operands = [x.strides, values.strides, places.strides]
    lines = joined(x.shape, order, operands)
    if not lines.count * length:
        return []
    line = _Lines(x, values, places, p.axis, lines)
    if length <= SHORT:
        return [line.by_rank()]
    padded = 1 << (length - 1).bit_length()
    if padded <= PAIRS:
        return [line.in_groups(padded)]
    return line.across_groups(padded)


class _Lines:
    def __init__(
        self, x: View, values: View, places: View, axis: int, lines: Axes
    ) -> None:
        self.x, self.values, self.places = x, values, places
        self.axis, self.lines = axis, lines
        self.length = x.shape[axis]

    def _row(self) -> Row:
        row = self.row = Row()
        self.source = Operand(row, self.x)
        self.targets = [Operand(row, v, write=True) for v in (self.values, self.places)]
        return row

    def _starts(self, line: str) -> list[str]:
        offsets = Offsets(self.row, names("i", self.lines.sizes))
        starts = [offsets.at(s) for s in self.lines.strides]
        of = ("x_start", "value_start", "place_start")
        return [
            *unravel(self.row, self.lines.sizes, line, "i"),
            *[f"let {name} = {at};" for name, at in zip(of, starts, strict=True)],
        ]

    def _word(self, place: str) -> str:
        step = self.row.number(self.x.strides[self.axis], "x step")
        return self.source.load(f"x_start + ({place}) * {step}")

    def _key(self, place: str) -> str:
        word = self._word(place)
        keys = {"f": f"order_f({word})", "i": f"order_i({word})"}
        return keys.get(kind(self.x.dtype), word)

    def _store(self, at: str, place: str) -> list[str]:
        value, index = (
            self.row.number(v.strides[self.axis], f"step {n}")
            for n, v in enumerate((self.values, self.places))
        )
        return [
            self.targets[0].store(f"value_start + ({at}) * {value}", self._word(place)),
            self.targets[1].store(f"place_start + ({at}) * {index}", place),
        ]

    def by_rank(self) -> Kernel:
        row = self._row()
        length = row.number(self.length)
        lines = [
            f"let place = e % {length};",
            *self._starts(f"e / {length}"),
            f"let key = {self._key('place')};",
            "var rank = 0u;",
            f"for (var t = 0u; t < {length}; t = t + 1u) {{",
            f"let other = {self._key('t')};",
            "if (other < key || (other == key && t < place)) { rank = rank + 1u; }",
            "}",
            *self._store("rank", "place"),
        ]
        return one_each(row, self.lines.count * self.length, lines)

    def in_groups(self, padded: int) -> Kernel:
        """A workgroup for each line."""
        row = self._row()
        length, size = row.number(self.length), row.number(padded)
        lines = [
            f"if (group >= {row.number(self.lines.count)}) {{ return; }}",
            *self._starts("group"),
            f"for (var t = lane; t < {size}; t = t + {LANES}u) {{",
            "sort_keys[t] = 0xffffffffu;",
            "sort_places[t] = t;",
            f"if (t < {length}) {{ sort_keys[t] = {self._key('t')}; }}",
            "}",
            f"sort_pairs(lane, 0u, {size}, 2u, {size});",
            f"for (var t = lane; t < {length}; t = t + {LANES}u) {{",
            *self._store("t", "sort_places[t]"),
            "}",
        ]
        return row.kernel(lines, self.lines.count)

    def across_groups(self, padded: int) -> list[Kernel]:
        count = self.lines.count * padded
        shape = (self.lines.count, padded)
        keys, places = (
            View(Block(4 * count), uint32, shape, (padded, 1)) for _ in range(2)
        )
        kernels = [self._blocks(keys, places, padded)]
        run = 2 * PAIRS
        while run <= padded:
            reach = run // 2
            while reach >= PAIRS:
                kernels.append(_exchange(keys, places, padded, run, reach))
                reach //= 2
            kernels.append(_merge(keys, places, padded, run))
            run *= 2
        return [*kernels, self._gathered(places, padded)]

    def _blocks(self, keys: View, places: View, padded: int) -> Kernel:
        """Each 2048 pairs of a line, sorted up and down in turns."""
        row = self._row()
        each = row.number(padded // PAIRS)
        lines = [
            f"if (group >= {row.number(self.lines.count * padded // PAIRS)}) "
            "{ return; }",
            f"let first = (group % {each}) * {PAIRS}u;",
            *self._starts(f"group / {each}"),
            f"for (var t = lane; t < {PAIRS}u; t = t + {LANES}u) {{",
            "let place = first + t;",
            "sort_keys[t] = 0xffffffffu;",
            "sort_places[t] = place;",
            f"if (place < {row.number(self.length)}) "
            f"{{ sort_keys[t] = {self._key('place')}; }}",
            "}",
            f"sort_pairs(lane, first, {PAIRS}u, 2u, {PAIRS}u);",
            *_put(row, keys, places),
        ]
        return row.kernel(lines, self.lines.count * padded // PAIRS)

    def _gathered(self, places: View, padded: int) -> Kernel:
        row = self._row()
        length, at = row.number(self.length), row.view(places)
        lines = [
            f"let t = e % {length};",
            f"let line = e / {length};",
            *self._starts("line"),
            f"let place = load({at} + line * {row.number(padded)} + t);",
            *self._store("t", "place"),
        ]
        return one_each(row, self.lines.count * self.length, lines)


def _put(row: Row, keys: View, places: View) -> list[str]:
    to_keys, to_places = row.view(keys, write=True), row.view(places, write=True)
    return [
        f"for (var t = lane; t < {PAIRS}u; t = t + {LANES}u) {{",
        f"store({to_keys} + group * {PAIRS}u + t, sort_keys[t]);",
        f"store({to_places} + group * {PAIRS}u + t, sort_places[t]);",
        "}",
    ]


def _exchange(keys: View, places: View, padded: int, run: int, reach: int) -> Kernel:
    """Compares pairs so far from each other, in runs that go up and down in turns."""
    row = Row()
    at, of = row.view(keys, write=True), row.view(places, write=True)
    far, length = row.number(reach), row.number(padded)
    words: Sequence[str] = [
        f"let i = ((e & ~({far} - 1u)) << 1u) | (e & ({far} - 1u));",
        f"let j = i + {far};",
        f"let up = ((i & ({length} - 1u)) & {row.number(run)}) == 0u;",
        f"let a = load({at} + i); let b = load({at} + j);",
        f"let p = load({of} + i); let q = load({of} + j);",
        "if ((a > b || (a == b && p > q)) == up) {",
        f"store({at} + i, b); store({at} + j, a);",
        f"store({of} + i, q); store({of} + j, p);",
        "}",
    ]
    return one_each(row, keys.shape[0] * padded // 2, words)


def _merge(keys: View, places: View, padded: int, run: int) -> Kernel:
    """The rest of a run's comparisons, which stay within 2048 pairs."""
    row = Row()
    at, of = row.view(keys), row.view(places)
    groups = keys.shape[0] * padded // PAIRS
    lines = [
        f"if (group >= {row.number(groups)}) {{ return; }}",
        f"for (var t = lane; t < {PAIRS}u; t = t + {LANES}u) {{",
        f"sort_keys[t] = load({at} + group * {PAIRS}u + t);",
        f"sort_places[t] = load({of} + group * {PAIRS}u + t);",
        "}",
        f"let first = (group * {PAIRS}u) & ({row.number(padded)} - 1u);",
        f"let run = {row.number(run)};",
        f"sort_pairs(lane, first, {PAIRS}u, run, run);",
        *_put(row, keys, places),
    ]
    return row.kernel(lines, groups)
