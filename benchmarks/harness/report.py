"""Rows to text and Markdown, and Markdown into a document."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .machine import bandwidth

Row = dict[str, Any]
Facts = dict[str, Any]
Column = tuple[str, Callable[[Row], str]]


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _field(name: str) -> Callable[[Row], str]:
    return lambda row: _number(row[name]) if row.get(name) is not None else ""


def _ratio(row: Row) -> str:
    if "ratio" not in row:
        return ""
    low, high = _number(row["ratio_low"]), _number(row["ratio_high"])
    return f"{_number(row['ratio'])} ({low} to {high})"


def with_floors(row: Row, peaks: Facts) -> Row:
    """The row and its two floors, in ms; the higher one is what counts."""
    if "operations" not in row:
        return row
    work = row["operations"] / peaks["gflops_all"] * 1e-6
    traffic = row["bytes"] / bandwidth(peaks, row["bytes"]) * 1e-6
    distance = row["best_ms"] / max(work, traffic)
    return {**row, "work_ms": work, "traffic_ms": traffic, "distance": distance}


STEP_COLUMNS: list[Column] = [
    ("", lambda row: row["workload"]),
    ("form", lambda row: row["form"]),
    ("median ms", _field("median_ms")),
    ("best ms", _field("best_ms")),
    ("time / ours (quartiles)", _ratio),
    ("floor: operations, ms", _field("work_ms")),
    ("floor: bytes, ms", _field("traffic_ms")),
    ("best / floor", _field("distance")),
    ("first call s", _field("first_s")),
    ("memory MB", _field("memory_mb")),
]
WHOLE_COLUMNS: list[Column] = [
    ("", lambda row: row["workload"]),
    ("form", lambda row: row["form"]),
    ("median s", _field("wall_median_s")),
    ("best s", _field("wall_best_s")),
    ("time / ours (quartiles)", _ratio),
    ("memory MB", _field("memory_mb")),
    ("test error", _field("mse")),
]


def table(columns: list[Column], rows: Iterable[Row]) -> str:
    """A Markdown table that can be read as text too. A row with an error shows it."""
    cells = [[name for name, _ in columns]]
    for row in rows:
        if row.get("error"):
            filler = [""] * (len(columns) - 3)
            cells.append([row["workload"], row["form"], row["error"][:60], *filler])
        else:
            cells.append([show(row) for _, show in columns])
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    cells.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths)) + " |"
        for line in cells
    )


def best_of_each_peer(rows: Iterable[Row]) -> list[Row]:
    """Ours, then of each peer its fastest form that ran; of those that did not, the
    reason."""
    found: dict[tuple[str, int, str], Row] = {}
    for row in rows:
        # One step a call and sixteen are two races.
        key = (row["workload"], row.get("steps_per_call", 1), row["peer"])
        old = found.get(key)
        if old is None or _time(row) < _time(old):
            found[key] = row
    ran = {(w, peer) for (w, _, peer), row in found.items() if not row.get("error")}
    kept = [
        row
        for row in found.values()
        if not row.get("error") or (row["workload"], row["peer"]) not in ran
    ]
    return sorted(
        kept,
        key=lambda r: (
            r["workload"],
            r.get("steps_per_call", 1),
            r["peer"] != "neurenix",
        ),
    )


def _time(row: Row) -> float:
    time = row.get("median_ms") or row.get("wall_median_s")
    return time if time is not None and not row.get("error") else float("inf")


def machine_lines(facts: Facts, peaks: Facts | None) -> list[str]:
    versions = ", ".join(f"{k} {v}" for k, v in facts["versions"].items())
    lines = [
        f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}; "
        f"{facts['date']} UTC; load average {facts['load_before']} before, "
        f"{facts['load_after']} after; {versions}."
    ]
    if peaks:
        rates = ", ".join(f"{b >> 10} KiB {r:.0f}" for b, r in peaks["bandwidth"])
        lines.append(
            f"Peaks measured in the same run ({peaks['isa']}): "
            f"{peaks['gflops_one']:.0f} GFLOP/s on one core, "
            f"{peaks['gflops_all']:.0f} on all; GB/s by working set: {rates}."
        )
    return lines


def put_between(path: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- end of name -->`."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, found, rest = path.read_text().partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{path} has no markers {start} and {end}")
    made = path.with_name(path.name + ".new")
    made.write_text(f"{before}{start}\n{text}\n{end}{after}")
    made.replace(path)
