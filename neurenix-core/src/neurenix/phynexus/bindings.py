"""Writes _bindings.py from phynexus.h: what cffi needs to open an engine,
parsed ahead of time. Run `python -m neurenix.phynexus.bindings` after a change of the
header."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from . import HEADER

TARGET = Path(__file__).resolve().parent / "_bindings.py"


def declarations() -> str:
    """The declarations of the header, without what only a C compiler reads."""
    text = HEADER.read_text()
    sizes = dict(re.findall(r"^#define (PHX_\w+) (\d+)", text, re.M))
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"#ifdef __cplusplus.*?#endif", "", text, flags=re.S)
    text = re.sub(r"^#.*$", "", text, flags=re.M)
    for name, value in sizes.items():
        text = re.sub(rf"\b{name}\b", value, text)
    return text


def generate() -> str:
    from cffi import FFI

    ffi = FFI()
    ffi.cdef(declarations())
    ffi.set_source("neurenix.phynexus._bindings", None)
    with tempfile.TemporaryDirectory() as folder:
        return Path(ffi.compile(tmpdir=folder)).read_text()


if __name__ == "__main__":
    TARGET.write_text(generate())
