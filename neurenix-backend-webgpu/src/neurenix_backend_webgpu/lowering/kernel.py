"""A kernel: what a step of a plan becomes, before its operands have addresses.

Its body is the text of a WGSL function of `group`, which counts the workgroups, and
`lane`, which counts the 256 invocations of each. `$k` stands there for word k of its
row. So the same body can be a module of its own, one of several in a dispatch, or a
part of a task, whose rows are found elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from neurenix.phynexus.plan.views import View
from neurenix.program.describe import Description

from .dispatch_list import USABLE_WORDS, grid
from .library import with_library
from .memory_text import argument

LANES = 256  # invocations of a workgroup, the most that WebGPU promises
ROW_ROOM = USABLE_WORDS  # words of a row that a kernel may use

_ENTRY = """
@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32) {
  run(group.x + group.y * groups.x, lane);
}"""
WORD = re.compile(r"\$(\d+)")


class Origin(NamedTuple):
    """The step of a plan from which a kernel comes."""

    description: Description
    source: str | None


@dataclass(frozen=True)
class Kernel:
    """One dispatch.

    body      statements; they do nothing in a group from `groups` on
    row       numbers, and views whose addresses stand in their places
    writes    those of the views that it writes; the others are read
    groups    how many workgroups
    functions what the body calls, beside the library's
    step      what it computes, for profiles, and the line of the user's program
    """

    body: str
    row: tuple[View | int, ...]
    writes: tuple[View, ...]
    groups: int
    functions: tuple[str, ...] = ()
    step: Origin | None = None

    @property
    def reads(self) -> tuple[View, ...]:
        return tuple(
            v for v in self.row if isinstance(v, View) and v not in self.writes
        )

    @property
    def text(self) -> str:
        """A module that runs it."""
        own = [*self.functions, self.function("run") + _ENTRY]
        return with_library("\n".join(own))

    @property
    def grid(self) -> tuple[int, int, int]:
        return grid(self.groups, 1)

    def function(self, name: str, word: Callable[[int], str] = argument) -> str:
        """The body as a function; `word` gives the expression of a word of its row."""
        body = WORD.sub(lambda m: word(int(m[1])), self.body)
        return f"fn {name}(group: u32, lane: u32) {{\n{body}\n}}"


class Row:
    """The words of a row while a kernel is written: each gives its name in the text."""

    def __init__(self) -> None:
        self.words: list[View | int] = []
        self.writes: list[View] = []
        self.known: dict[str, str] = {}

    def view(self, view: View, write: bool = False) -> str:
        """The address of a view's first element."""
        if write:
            self.writes.append(view)
        return self._name(view)

    def number(self, n: int, label: str = "") -> str:
        """A number that is no part of the text, as long as there is room for it; a
        negative one wraps. One with a label has the same name each time."""
        if label in self.known:
            return self.known[label]
        n &= 0xFFFFFFFF
        name = f"{n}u" if len(self.words) >= ROW_ROOM else self._name(n)
        if label:
            self.known[label] = name
        return name

    def _name(self, word: View | int) -> str:
        assert len(self.words) < ROW_ROOM, "a step has more operands than a row"
        self.words.append(word)
        return f"${len(self.words) - 1}"

    def kernel(self, lines: Sequence[str], groups: int) -> Kernel:
        """The kernel of these lines, and of the words that they name."""
        body = "\n".join(f"  {line}" for line in lines)
        return Kernel(body, tuple(self.words), tuple(self.writes), groups)


def one_each(row: Row, count: int, lines: Sequence[str]) -> Kernel:
    """A kernel whose lines run once for each `e` below `count`."""
    start = [
        f"let e = group * {LANES}u + lane;",
        f"if (e >= {row.number(count)}) {{ return; }}",
    ]
    return row.kernel([*start, *lines], -(-count // LANES))
