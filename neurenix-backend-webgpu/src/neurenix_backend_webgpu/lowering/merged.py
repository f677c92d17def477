"""Kernels that do not wait for each other, in one dispatch: each has a range of the
workgroups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from neurenix.phynexus.plan.views import View
from neurenix.program.describe import Description

from .dispatch import MAX_GROUPS
from .kernel import ROW_ROOM, WORD, Kernel, Origin

MOST_PARTS = 32  # kernels in a dispatch, so that no module grows without bound


def merged(kernels: Sequence[Kernel]) -> list[Kernel]:
    """The kernels in order, in as few dispatches as their rows allow."""
    out: list[Kernel] = []
    pack = _Pack()
    for kernel in kernels:
        if not pack.takes(kernel):
            out.append(pack.kernel())
            pack = _Pack()
        pack.add(kernel)
    if pack.kernels:
        out.append(pack.kernel())
    return out


@dataclass
class _Pack:
    """What goes into one dispatch. Equal words of the rows are there once; numbers for
    which there is no room beside the addresses become part of the text."""

    kernels: list[Kernel] = field(default_factory=list)
    views: dict[View, None] = field(default_factory=dict)
    groups: int = 0

    def takes(self, kernel: Kernel) -> bool:
        if not self.kernels:
            return True
        return (
            len(self.views.keys() | set(_views(kernel))) <= ROW_ROOM
            and self.groups + kernel.groups <= MAX_GROUPS
            and len(self.kernels) < MOST_PARTS
        )

    def add(self, kernel: Kernel) -> None:
        self.kernels.append(kernel)
        self.groups += kernel.groups
        self.views.update(dict.fromkeys(_views(kernel)))

    def kernel(self) -> Kernel:
        if len(self.kernels) == 1:
            return self.kernels[0]
        words: dict[View | int, int] = {v: k for k, v in enumerate(self.views)}
        names: dict[str, str] = {}
        functions: list[str] = []
        lines: list[str] = []
        start = 0
        for kernel in self.kernels:
            name = names.get(kernel.body)
            if name is None:
                name = names[kernel.body] = f"part{len(names)}"
                functions.append(function(name, kernel.body, len(kernel.row)))
            given = [_word(w, words) for w in kernel.row]
            from_start = f"group - {_word(start, words)}" if start else "group"
            call = ", ".join([from_start, "lane", *given])
            start += kernel.groups
            end = _word(start, words)
            lines.append(f"if (group < {end}) {{ {name}({call}); return; }}")
        writes = tuple(v for k in self.kernels for v in k.writes)
        body = "\n".join(f"  {line}" for line in lines)
        step = _together([k.step for k in self.kernels])
        return Kernel(body, tuple(words), writes, self.groups, tuple(functions), step)


def _together(origins: Sequence[Origin | None]) -> Origin | None:
    """Steps in one dispatch, for profiles: how many of each primitive, and the line of
    the first."""
    known = [o for o in origins if o is not None]
    if len(set(known)) < 2:
        return known[0] if known else None
    counts = Counter(o.description.primitive for o in known)
    names = [f"{n} {name}" if n > 1 else name for name, n in counts.items()]
    line = next((o.source for o in known if o.source is not None), None)
    return Origin(Description(" + ".join(names), "", (), (), line), line)


def _views(kernel: Kernel) -> list[View]:
    return [w for w in kernel.row if isinstance(w, View)]


def _word(word: View | int, words: dict[View | int, int]) -> str:
    """Its name in the row, where it is put if there is room."""
    if word not in words and len(words) >= ROW_ROOM:
        return f"{word}u"
    return f"${words.setdefault(word, len(words))}"


def function(name: str, body: str, words: int) -> str:
    """A kernel's body as a function of the words of its row."""
    parameters = "".join(f", word{k}: u32" for k in range(words))
    text = WORD.sub(lambda m: f"word{m[1]}", body)
    return f"fn {name}(group: u32, lane: u32{parameters}) {{\n{text}\n}}"
