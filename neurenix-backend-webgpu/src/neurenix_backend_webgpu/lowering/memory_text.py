"""The head of every module: the device's memory, its row of arguments, and two zeros
that no compiler knows to be 0, or to be equal: `zero()` and `other_zero()`.

With one page, memory is one array of words. With several, a page's number stands in the
high bits of an address; no value crosses a page. A module that replaces a part of a
word, by `merge`, gets atomic words: other invocations may replace another part.
"""

from __future__ import annotations

from .dispatch_list import ROW_WORDS, USABLE_WORDS

ARGS_BINDING = 0  # the pages' bindings follow

_ARGS = f"""\
@group(0) @binding({ARGS_BINDING})
var<uniform> row: array<vec4<u32>, {ROW_WORDS // 4}>;
fn zero() -> u32 {{ return row[{USABLE_WORDS // 4}].{"xyzw"[USABLE_WORDS % 4]}; }}
fn other_zero() -> u32 {{
  return row[{USABLE_WORDS // 4}].{"xyzw"[USABLE_WORDS % 4 + 1]};
}}
"""
_PLAIN = {
    "load(at: u32) -> u32": "return {};",
    "store(at: u32, word: u32)": "{} = word;",
}
_ATOMIC = {
    "load(at: u32) -> u32": "return atomicLoad(&{});",
    "store(at: u32, word: u32)": "atomicStore(&{}, word);",
    "merge(at: u32, mask: u32, word: u32)": (
        "atomicAnd(&{0}, ~mask); atomicOr(&{0}, word);"
    ),
}


def module_text(text: str, pages: int = 1, page_bits: int = 0) -> str:
    """A module's text behind its head."""
    return head(pages, page_bits, "merge(" in text) + text


def head(pages: int = 1, page_bits: int = 0, merges: bool = False) -> str:
    """What stands before a module's text, for a memory of so many pages of
    2^page_bits words each."""
    word = "atomic<u32>" if merges else "u32"
    lines = [
        f"@group(0) @binding({k + 1}) var<storage, read_write> page{k}: array<{word}>;"
        for k in range(pages)
    ]
    for signature, action in (_ATOMIC if merges else _PLAIN).items():
        if pages == 1:
            lines.append(f"fn {signature} {{ {action.format('page0[at]')} }}")
            continue
        mask = f"{(1 << page_bits) - 1:#x}u"
        lines.append(f"fn {signature} {{")
        lines.append(f"  switch (at >> {page_bits}u) {{")
        for k in range(pages):
            case = f"case {k}u" if k < pages - 1 else "default"
            lines.append(f"    {case}: {{ {action.format(f'page{k}[at & {mask}]')} }}")
        lines += ["  }", "}"]
    return _ARGS + "\n".join(lines) + "\n"


def argument(word: int) -> str:
    """The expression of a word of the row."""
    return f"row[{word // 4}].{'xyzw'[word % 4]}"
