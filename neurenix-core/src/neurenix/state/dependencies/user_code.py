"""Tells the user's code from libraries, and reads from bytecode which names and
attributes it uses."""

from __future__ import annotations

import dis
import os
import sys
import weakref
from collections import deque
from collections.abc import Iterator, Mapping
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

_STANDARD = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_LIBRARIES = {"neurenix", "numpy", "builtins"}
_origins: dict[str, str] = {"__main__": "user"}


def top_of(module: str | None) -> str:
    """The name of the outermost package of a module."""
    return (module or "__main__").partition(".")[0]


def origin(top: str) -> str:
    """Where a top-level module comes from: "user", "library" (Python's, NumPy's or
    ours: it depends on nothing that changes), or "installed" (others')."""
    place = _origins.get(top)
    if place is None:
        file = getattr(sys.modules.get(top), "__file__", None) or ""
        if top in _LIBRARIES:
            place = "library"
        elif any(part in file for part in _INSTALLED):
            place = "installed"
        elif top in sys.stdlib_module_names and (
            not file or file.startswith(_STANDARD)
        ):
            place = "library"
        else:
            place = "user"
        _origins[top] = place
    return place


# How a name is used: only to count (n += 1), to write into its object (x.append(y),
# x[key] = y), or to read its object.
COUNTED, WRITTEN, READ = range(3)


class Reads(NamedTuple):
    """The names that a piece of code uses, with all code that is defined in it.

    variables    from around it, and globals of the module that it stands in (or
                 builtins); how they are used, at most
    attributes   of whatever object, likewise
    globals      which of the variables are globals
    modules      what it imports itself
    computed     whether it makes attribute names as it runs
    """

    variables: dict[str, int]
    attributes: dict[str, int]
    globals: tuple[str, ...]
    modules: tuple[str, ...]
    computed: bool


# Functions that read attributes whose names need not stand in the code.
_COMPUTING = {
    "getattr", "hasattr", "vars", "dir", "eval", "exec", "attrgetter", "methodcaller",
    "__dict__", "__getattribute__",
}  # fmt: skip
_PLAIN = [[f"LOAD_{x}", "LOAD_CONST"] for x in ("FAST", "DEREF", "GLOBAL")]
_WRITING = {"append", "appendleft", "extend", "insert", "add", "update", "clear"}
_cache: weakref.WeakKeyDictionary[CodeType, Reads] = weakref.WeakKeyDictionary()


def reads_of(code: CodeType) -> Reads:
    reads = _cache.get(code)
    if reads is None:
        reads = _cache[code] = _read(code)
    return reads


def _read(code: CodeType) -> Reads:
    variables: dict[str, int] = {}
    attributes: dict[str, int] = {}
    globals_: dict[str, None] = {}
    modules: dict[str, None] = {}
    computed = False
    for part in _parts(code):
        instructions = [
            i
            for i in dis.get_instructions(part)
            if i.opname not in ("CACHE", "PUSH_NULL")
        ]
        for i, instruction in enumerate(instructions):
            op, name = instruction.opname, instruction.argval
            table = variables
            if op in ("LOAD_GLOBAL", "LOAD_NAME"):
                globals_[name] = None
            elif op == "IMPORT_NAME":
                modules[name] = None
                attributes.update(dict.fromkeys(name.split("."), READ))
                continue
            elif op in ("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM") or (
                op.startswith("LOAD_SUPER")
            ):
                table = attributes
            elif not op.startswith(("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM")):
                computed |= op == "MATCH_CLASS"
                continue
            table[name] = max(table.get(name, COUNTED), _use(instructions, i))
            if name in _COMPUTING:
                constant = _constant_name(instructions, i)
                computed |= constant is None
                attributes.update({constant: READ} if constant else {})
    return Reads(variables, attributes, tuple(globals_), tuple(modules), computed)


def _constant_name(instructions: list[dis.Instruction], i: int) -> str | None:
    """The name "b" in getattr(x, "b"), whose function instruction i loads; None where
    it is computed."""
    following = instructions[i + 1 : i + 3]
    if [x.opname for x in following] not in _PLAIN:
        return None
    name = following[1].argval
    return name if isinstance(name, str) else None


def _use(instructions: list[dis.Instruction], i: int) -> int:
    """How the code uses the name that instruction i loads: READ, unless a weaker use is
    certain."""
    loading, after = instructions[i], instructions[i + 1 : i + 6]
    ops = [x.opname for x in after]
    if ops[0] in ("LOAD_ATTR", "LOAD_METHOD") and after[0].argval in _WRITING:
        return WRITTEN
    if not ops[0].startswith(("LOAD_CONST", "LOAD_FAST", "LOAD_DEREF", "LOAD_SMALL")):
        return READ
    kept = ops[1:]  # after an index, or what is added
    if kept[0] == "STORE_SUBSCR" or kept[:2] in (
        ["COPY", "COPY"],
        ["DUP_TOP_TWO", "BINARY_SUBSCR"],
    ):
        return WRITTEN
    if kept[0].startswith(("BINARY_OP", "INPLACE_")):
        store = after[3] if kept[1] in ("SWAP", "ROT_TWO") else after[2]
        if store.opname.startswith("STORE_") and store.argval == loading.argval:
            return COUNTED
    return READ


def _parts(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _parts(constant)


_WRITABLE = (list, dict, set, deque, np.ndarray)


def is_read(use: int, value: Any) -> bool:
    """Whether a name that is used so can change what the code computes."""
    return use == READ or (use == WRITTEN and type(value) not in _WRITABLE)


class Names:
    """How the code that was met so far uses attributes. It only grows."""

    def __init__(self) -> None:
        self.used: dict[str, int] = {}
        self.read: set[str] = set()  # or written to
        self.computed = False  # some names are made as the code runs: all matter

    def add(self, reads: Reads) -> bool:
        """Adds the names of a piece of code; True if any of them is new."""
        grew = self.computed < reads.computed
        self.computed |= reads.computed
        for name, use in reads.attributes.items():
            if self.used.get(name, -1) < use:
                self.used[name] = use
                grew = True
                if use > COUNTED:
                    self.read.add(name)
        return grew

    def of(self, space: Mapping[str, Any]) -> list[str]:
        """The attributes of an object's dict that the code reads, sorted."""
        if self.computed:
            return sorted(space)
        return sorted([n for n in self.read & space.keys() if self.reads(n, space[n])])

    def reads(self, name: str, value: Any) -> bool:
        return self.computed or is_read(self.used.get(name, COUNTED), value)

    def only_counts(self, name: str) -> bool:
        return not self.computed and self.used.get(name) == COUNTED
