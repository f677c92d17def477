"""Rows of benchmarks/results.jsonl as tables in docs/results.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness import report

from .rows import ROWS, Accuracy, Waves

Line = dict[str, Any]


def read(path: Path) -> dict[str, Line]:
    """The last line of each row."""
    if not path.exists():
        return {}
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return {line["row"]: line for line in lines}


def document(path: Path, lines: dict[str, Line]) -> None:
    """Both tables between their markers, rows in the order of ROWS."""
    found = [(row, lines[name]) for name, row in ROWS.items() if name in lines]
    characters = [_character(r, x) for r, x in found if isinstance(r, Accuracy)]
    waves = [_wave(x) for r, x in found if isinstance(r, Waves)]
    notes = [_note(line) for _, line in found]
    report.put_between(path, "characters", _table(characters))
    curves = [_curve(x) for r, x in found if isinstance(r, Waves) and _adapts(x)]
    report.put_between(path, "waves", _table(waves))
    report.put_between(path, "curves", _table(curves))
    report.put_between(path, "differences", "\n\n".join(dict.fromkeys(notes)))


def _table(rows: list[dict[str, str]]) -> str:
    names = list(rows[0]) if rows else []
    return report.table([(n, lambda row, n=n: row[n]) for n in names], rows)


def _character(row: Accuracy, line: Line) -> dict[str, str]:
    other = line.get("other_mode") or {}
    figures = {
        line["transductive"]: f"{line['accuracy']:.2f} ± {line['interval']:.2f}",
    }
    if other:
        figures[other["transductive"]] = (
            f"{other['accuracy']:.2f} ± {other['interval']:.2f}"
        )
    published = line["published"].get("accuracy")
    return {
        "setting": line["recipe"].replace(", Omniglot", ""),
        "non-transductive, %": figures.get(False, ""),
        "transductive, %": figures.get(True, ""),
        "calibration error, %": f"{line['calibration_error']:.1f}",
        "paper": f"{published:g}" if published else "",
        "goal": f"{row.goal:g}" if row.goal else "",
        "meta-steps × tasks": f"{line['meta_steps']:,} × {line['tasks_per_batch']}",
        "training": f"{line['training_seconds'] / 60:.0f} min",
        "selected": line.get("selected", ""),
        "row": f"`{line['row']}`",
    }


def _wave(line: Line) -> dict[str, str]:
    cells = {"setting": line["recipe"].replace(", sine waves", "")}
    errors = line["errors"]
    for step in ("1", "5", "10"):
        found = errors.get(step)
        cells[f"mean, {step}"] = f"{float(found['mean']):.3g}" if found else ""
        cells[f"median, {step}"] = f"{float(found['median']):.3g}" if found else ""
        cells[f"above 10, {step}"] = f"{found['above 10']:g} %" if found else ""
    if not _adapts(line):
        found = errors["0"]
        cells["mean, 1"] = f"{float(found['mean']):.3g}"
        cells["median, 1"] = f"{float(found['median']):.3g}"
        cells["above 10, 1"] = f"{found['above 10']:g} %"
    cells["training"] = f"{line['training_seconds'] / len(line['seeds']):.0f} s a seed"
    cells["row"] = f"`{line['row']}`"
    return cells


def _adapts(line: Line) -> bool:
    """By steps; not in one pass."""
    return len(line["errors"]) > 1


def _curve(line: Line) -> dict[str, str]:
    """The mean error before the first step and after each."""
    means = {
        step: f"{float(found['mean']):.3g}" for step, found in line["errors"].items()
    }
    return {"mean after": line["recipe"].replace(", sine waves", ""), **means}


def _note(line: Line) -> str:
    listed = "\n".join(f"- {difference}" for difference in line["differences"])
    return f"**{line['recipe']}** ({line['source']}):\n\n{listed}"
