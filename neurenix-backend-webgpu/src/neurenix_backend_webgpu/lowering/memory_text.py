"""The head of every module: the device's memory, its row of arguments, and `zero()`.

With one page, memory is one array of words. With several, a page's number stands in the
high bits of an address; no value crosses a page.
"""

from __future__ import annotations

from .dispatch_list import ROW_WORDS, ZERO_WORD

ARGS_BINDING = 0  # the pages' bindings follow

_ARGS = f"""\
@group(0) @binding({ARGS_BINDING})
var<uniform> row: array<vec4<u32>, {ROW_WORDS // 4}>;
fn zero() -> u32 {{ return row[{ZERO_WORD // 4}].{"xyzw"[ZERO_WORD % 4]}; }}
"""
_ONE_PAGE = """\
@group(0) @binding(1) var<storage, read_write> page0: array<u32>;
fn load(at: u32) -> u32 { return page0[at]; }
fn store(at: u32, word: u32) { page0[at] = word; }
"""


def head(pages: int = 1, page_bits: int = 0) -> str:
    """What stands before a module's text, for a memory of so many pages of
    2^page_bits words each."""
    if pages == 1:
        return _ARGS + _ONE_PAGE
    mask = f"{(1 << page_bits) - 1:#x}u"
    lines = [
        f"@group(0) @binding({k + 1}) var<storage, read_write> page{k}: array<u32>;"
        for k in range(pages)
    ]

    def switch(action: str) -> list[str]:
        cases = [f"    case {k}u: {{ {action % k} }}" for k in range(pages - 1)]
        last = f"    default: {{ {action % (pages - 1)} }}"
        return [f"  switch (at >> {page_bits}u) {{", *cases, last, "  }", "}"]

    lines.append("fn load(at: u32) -> u32 {")
    lines += switch(f"return page%d[at & {mask}];")
    lines.append("fn store(at: u32, word: u32) {")
    lines += switch(f"page%d[at & {mask}] = word;")
    return _ARGS + "\n".join(lines) + "\n"


def argument(word: int) -> str:
    """The expression of a word of the row."""
    return f"row[{word // 4}].{'xyzw'[word % 4]}"
