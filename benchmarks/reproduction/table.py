"""Rows of benchmarks/results.jsonl as tables in docs/results.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness import report

from .rows import ROWS

Line = dict[str, Any]


def read(path: Path) -> dict[str, Line]:
    """The last line of each row."""
    if not path.exists():
        return {}
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return {line["row"]: line for line in lines}
