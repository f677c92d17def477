"""Runs the programs of a page and writes below each what it printed.

    python docs/outputs.py docs/comparison.md torch=/path/to/python jax=/path/to/python

A program that imports one of the libraries named runs with that Python, others with
this one. Below it the page gets a block `text` with the title "Output"; one that was
there goes. Programs that print nothing get none.
"""

import re
import subprocess
import sys
from pathlib import Path

BLOCK = re.compile(
    r"(?P<block>```python[^\n]*\n(?P<program>.*?)```\n)"
    r"(?:\n```text title=\"Output\"\n.*?```\n)?",
    re.S,
)


def printed(program: str, pythons: dict[str, str]) -> str:
    python = sys.executable
    for library, other in pythons.items():
        if re.search(rf"^(import|from) {library}\b", program, re.M):
            python = other
    done = subprocess.run(
        [python, "-c", program], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{program}\n{done.stderr}")
    return done.stdout


def with_outputs(page: str, pythons: dict[str, str]) -> str:
    def written(found: re.Match[str]) -> str:
        told = printed(found["program"], pythons)
        if not told.strip():
            return found["block"]
        return f'{found["block"]}\n```text title="Output"\n{told.rstrip()}\n```\n'

    return BLOCK.sub(written, page)


if __name__ == "__main__":
    page = Path(sys.argv[1])
    chosen = dict(argument.split("=", 1) for argument in sys.argv[2:])
    text = with_outputs(page.read_text(encoding="utf-8"), chosen)
    page.write_text(text, encoding="utf-8")
