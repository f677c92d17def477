"""Describes a function's code: a digest of its bytecode, and values it refers to."""

from __future__ import annotations

import dis
import functools
import hashlib
import re
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
# Of a code's flags those that change what a call does: *args, **kwargs, and what is a
# generator or a coroutine; not whether it lies within another function.
_FLAGS = 0x04 | 0x08 | 0x20 | 0x80 | 0x200
_DIGEST = re.compile(r" code (\d+\.\d+)-[0-9a-f]{12}")


@functools.cache
def is_library(module: object) -> bool:
    """Whether a module belongs to Python, to this library or to an installed one: its
    code is not what a user changes between two runs."""
    root = str(module).partition(".")[0]
    if root in sys.stdlib_module_names or root in ("neurenix", "builtins"):
        return True
    file = getattr(sys.modules.get(str(module)), "__file__", None) or ""
    return "site-packages" in file or "dist-packages" in file


def code_digest(
    code: types.CodeType, text: Callable[[Any], str], skipped: int = 0
) -> str:
    """ " code 3.11-0123456789ab": Python's version, and a digest of instructions,
    names and constants, those of functions within included; not of lines or files.

    skipped   so many constants at the start do not count: a docstring
    """
    digest = hashlib.sha256(code.co_code)
    for part in (
        code.co_names,
        code.co_freevars,
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount),
        code.co_flags & _FLAGS,
    ):
        digest.update(ascii(part).encode())
    for constant in code.co_consts[skipped:]:
        digest.update(ascii(text(constant)).encode())
    return f" code {_VERSION}-{digest.hexdigest()[:12]}"


def docstrings(function: types.FunctionType) -> int:
    """How many constants at the start are the docstring."""
    consts = function.__code__.co_consts
    doc = function.__doc__
    return int(doc is not None and bool(consts) and consts[0] == doc)


def same_code(one: str, other: str) -> bool:
    """Whether two texts differ in digests of code only, and these are of different
    versions of Python, which compile the same source to other instructions."""
    versions = [_DIGEST.findall(text) for text in (one, other)]
    return versions[0] != versions[1] and _DIGEST.sub("", one) == _DIGEST.sub("", other)


def references(
    function: types.FunctionType, only_closure: bool = False
) -> Iterator[tuple[str, Any]]:
    """The values that a function's code refers to, by name: of its closure and, unless
    it is a library's, globals. `a.b` is one where the code reads no more of `a`.

    >>> import argparse
    >>> args = argparse.Namespace(scale=2.0, epochs=10)
    >>> def scaled(x):
    ...     return args.scale * x
    >>> [(name, value) for name, value in references(scaled)]
    [('args.scale', 2.0)]
    """
    closure: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            closure[name] = cell.cell_contents
        except ValueError:  # of a function that is not made yet
            continue
    if only_closure:
        yield from closure.items()
        return
    seen = set()
    for name, *attributes in _names(function.__code__):
        if name in closure:
            value = closure[name]
        elif name in function.__globals__:
            value = function.__globals__[name]
        else:
            continue  # a builtin, or a variable of a function around it
        path = name
        for attribute in attributes:
            if attribute not in getattr(value, "__dict__", {}):
                break
            path = f"{path}.{attribute}"
            inner = vars(value)[attribute]
            holder = getattr(value, "__name__", "") if _is_module(value) else ""
            if holder and is_library(holder) and not _is_module(inner):
                inner = f"{holder}.{attribute}"  # not all of os.environ
            value = inner
        if path not in seen and not _is_module(value):
            seen.add(path)
            yield path, value


def _is_module(value: object) -> bool:
    return isinstance(value, types.ModuleType)


def _names(code: types.CodeType) -> Iterator[list[str]]:
    """The variables from outside that code reads, each with the attributes it takes."""
    chain: list[str] = []
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_ATTR", "LOAD_METHOD") and chain:
            chain.append(instruction.argval)
            continue
        if chain:
            yield chain
        reads = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF")
        chain = [instruction.argval] if instruction.opname in reads else []
    if chain:
        yield chain
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)
