"""Runs known words through the library's functions on a device, and names what is
wrong.

WGSL lets a compiler assume that there is no NaN and no infinity, flush subnormals and
reassociate. The library's functions do not let it; a driver that does so all the same
is found here, before it makes a loss wrong.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

import numpy as np

from .device import Device
from .known_words import CALLS, CASES, INF, NAN, Case
from .loaded import Loaded
from .lowering.dispatch_list import Address, Dispatch, DispatchList
from .lowering.library import with_library
from .lowering.memory_text import argument

# A NaN must come through operations in a row, and x - x be NaN where x is.
CHAIN = "a chain of operations on NaN"
_CHAIN = "sub_f(mul_f(add_f(a, b), 0x3f000000u), mul_f(add_f(a, b), 0x3f000000u))"

_TEXT = """\
@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) lane: u32) {{
  let k = group.x * 64u + lane;
  if (k >= {count}u) {{ return; }}
  let at = {cases} + 3u * k;
  let a = load(at + 1u);
  let b = load(at + 2u);
  var r = 0u;
  switch (load(at)) {{
{branches}
    default: {{}}
  }}
  store({results} + k, r);
}}"""


def self_check(device: Device) -> str:
    """What the device computes wrongly, in words; "" where nothing is."""
    names = list(dict.fromkeys(case.function for case in CASES))
    words = [[names.index(c.function), *_words(c.given)] for c in CASES]
    words.append([len(names), _word(INF), _word(-INF)])
    table = np.array(words, np.uint32)
    made = Loaded(device, _list(names, len(table)))
    with device.lock:
        given, results = (device.heap.take(n) for n in (table.size, len(table)))
    try:
        device.write(given, table.reshape(-1))
        made.submit([[given, results]])
        found = device.read(results, len(table))
    finally:
        device.heap.give(given, table.size)
        device.heap.give(results, len(table))
    return "; ".join(_wrong(found))


def _list(names: list[str], count: int) -> DispatchList:
    counts = {case.function: len(case.given) for case in CASES}
    calls = [
        CALLS.get(name, f"{name}(a, b)" if counts[name] == 2 else f"{name}(a)")
        for name in names
    ]
    calls.append(_CHAIN)
    branches = [f"    case {k}u: {{ r = {call}; }}" for k, call in enumerate(calls)]
    text = _TEXT.format(
        count=count,
        cases=argument(0),
        results=argument(1),
        branches="\n".join(branches),
    )
    made = DispatchList((3 * count,), (count,), modules=[with_library(text)])
    addresses = (Address(0, 1), Address(1, 2))
    made.entries.append(Dispatch(0, (-(-count // 64), 1, 1), (0, 0), addresses))
    made.validate()
    return made


def _wrong(found: np.ndarray[tuple[int], np.dtype[np.uint32]]) -> Iterator[str]:
    """Each function that is wrong, once, with the first case of it."""
    seen: set[str] = set()
    for case, word in zip(CASES, found.tolist(), strict=False):
        if case.function not in seen and not _right(case, word):
            seen.add(case.function)
            given = ", ".join(f"{x:g}" for x in case.given)
            shown = _shown(word, case.expected)
            yield f"{case.function}({given}) gives {shown}, not {case.expected:g}"
    if not _is_nan(int(found[-1])):
        yield f"{CHAIN} gives {_shown(int(found[-1]), NAN)}, not nan"


def _right(case: Case, word: int) -> bool:
    expected = case.expected
    if isinstance(expected, float) and math.isnan(expected):
        return _is_nan(word)
    wanted = _word(expected)
    if not case.ulps or isinstance(expected, int) or math.isinf(expected):
        return word == wanted
    return word >> 31 == wanted >> 31 and abs(word - wanted) <= case.ulps


def _is_nan(word: int) -> bool:
    return word & 0x7FFFFFFF > 0x7F800000


def _words(numbers: tuple[float | int, ...]) -> list[int]:
    return [_word(x) for x in numbers] + [0] * (2 - len(numbers))


def _word(number: float | int) -> int:
    if isinstance(number, int):
        return number & 0xFFFFFFFF
    (word,) = struct.unpack("<I", struct.pack("<f", number))
    return int(word)


def _shown(word: int, expected: float | int) -> str:
    if isinstance(expected, int):
        return str(word if expected >= 0 else word - (1 << 32))
    (number,) = struct.unpack("<f", struct.pack("<I", word))
    return f"{number:g}"
