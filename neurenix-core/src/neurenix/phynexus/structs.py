"""Reads the layout of phynexus.h's structs as cffi has it."""

from __future__ import annotations

from typing import Any

from . import _bindings

ffi: Any = _bindings.ffi  # whose C names no type checker knows


def structs() -> dict[str, tuple[int, dict[str, int]]]:
    """Each struct's size and the offsets of its fields, in bytes.

    >>> structs()["phx_region"]
    (24, {'inputs': 0, 'outputs': 4, 'first_instruction': 8, ...})
    """
    opaque = {"phx_engine", "phx_executable"}
    kinds = {name: ffi.typeof(name) for name in set(ffi.list_types()[0]) - opaque}
    return {
        name: (ffi.sizeof(kind), {field: at.offset for field, at in kind.fields})
        for name, kind in sorted(kinds.items())
        if kind.kind == "struct"
    }


def layout_text() -> str:
    """The layout as text."""
    lines = []
    for name, (size, fields) in structs().items():
        lines.append(f"{name}: {size} bytes")
        lines += [f"  {offset:4}  {field}" for field, offset in fields.items()]
    return "\n".join(lines)
