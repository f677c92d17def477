"""nx.profile: where the time of programs goes, by instruction."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from .backends import discovery
from .backends.protocol import Backend, InstructionCost
from .errors import InvalidArgumentError
from .settings import current_device

_SHOWN = 25
_under_way: list[Profile] = []


class Profile:
    """The result of `nx.profile`, once its block has ended.

    rows      a dict for each instruction that ran, the dearest first:
              primitive     its name; `fused` for elementwise chains and reductions
              expression    what a fused one computes from its inputs a, b, ...
              inputs, outputs   their shapes
              around        the control instructions that it lies in: "map > scan > "
              line          the user's line that asked for it; None for what ran eagerly
              device        its type
              count         how often it ran: every iteration of a map or scan counts
              milliseconds  in all, on all threads together, without what it ran in its
                            region
              share         of the milliseconds of all rows
    wall      milliseconds from the block's begin to its end
    threads   of the devices that were used

    The rows' milliseconds add up to no more than `wall` times `threads` (times the
    Python threads that call at once). An operation that spreads over threads by itself
    counts its caller's time. `print` shows the dearest rows.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.wall = 0.0
        self.threads = 1
        self._start = 0
        self._backends: dict[str, Backend] = {}

    def __enter__(self) -> Profile:
        if _under_way:
            raise InvalidArgumentError(
                "nx.profile: another profile is being taken; one at a time"
            )
        device = current_device().type  # so that its backend is there
        if not discovery.backend(device).takes_profiles:
            raise InvalidArgumentError(
                f"nx.profile: the backend of '{device}' takes no profiles"
            )
        try:
            for name, backend in discovery.created().items():
                if backend.takes_profiles:
                    backend.start_profile()
                    self._backends[name] = backend
        except BaseException:  # else those that have started would count for ever
            for backend in self._backends.values():
                backend.finish_profile()
            raise
        _under_way.append(self)
        self._start = time.perf_counter_ns()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = (time.perf_counter_ns() - self._start) / 1e6
        _under_way.clear()
        found: list[tuple[str, InstructionCost]] = []
        for name, backend in self._backends.items():
            costs = backend.finish_profile()
            found += [(name, cost) for cost in costs]
            if costs:
                self.threads = max(self.threads, backend.capabilities(0).threads)
        found.sort(key=lambda pair: -pair[1].nanoseconds)
        total = sum(cost.nanoseconds for _, cost in found) or 1
        self.rows = [_row(name, cost, total) for name, cost in found]

    def __str__(self) -> str:
        table = [("ms", "share", "count", "instruction", "shapes", "line")]
        for row in self.rows[:_SHOWN]:
            table.append(
                (
                    f"{row['milliseconds']:.3f}",
                    f"{row['share']:.1%}",
                    str(row["count"]),
                    row["around"] + row["primitive"],
                    f"{_shapes(row['inputs'])} -> {_shapes(row['outputs'])}",
                    row["line"] or "eager",
                )
            )
            if row["expression"]:
                table.append(("", "", "", f"  {row['expression']}", "", ""))
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        # what stands below an instruction may run on under the columns after it
        widths[3] = max(len(line[3]) for line in table if line[0])
        lines = [
            "  ".join(
                cell.rjust(width) if i < 3 else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in table
        ]
        rest = self.rows[_SHOWN:]
        if rest:
            spent = sum(row["milliseconds"] for row in rest)
            lines.append(f"and {len(rest)} more instructions: {spent:.3f} ms")
        spent = sum(row["milliseconds"] for row in self.rows)
        lines.append(
            f"{spent:.3f} ms in {len(self.rows)} instructions; "
            f"{self.wall:.3f} ms passed, on {self.threads} "
            f"thread{'s' if self.threads != 1 else ''}"
        )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<profile of {len(self.rows)} instructions, {self.wall:.3f} ms>"


def profile() -> Profile:
    """Where the time goes, by instruction, of all programs that run within the block.

    >>> import neurenix as nx
    >>> step = nx.compile(lambda x: nx.map(lambda row: nx.tanh(row).sum())(x))
    >>> _ = step(nx.ones(4, 3))
    >>> with nx.profile() as p:
    ...     for _ in range(10):
    ...         _ = step(nx.ones(4, 3))
    >>> [(r["around"], r["count"]) for r in p.rows if r["primitive"] == "fused"]
    [('map > ', 40)]

    See `Profile` for what it holds; `print(p)` shows a table. Watches cost some
    hundred nanoseconds an instruction while the block lasts, and nothing at any other
    time.

    Raises InvalidArgumentError where a profile is being taken already, or the device's
    backend takes none; BackendError for an engine that is too old.
    """
    return Profile()


def _row(device: str, cost: InstructionCost, total: int) -> dict[str, Any]:
    description = cost.description
    return {
        "primitive": description.primitive,
        "expression": description.expression,
        "inputs": [list(shape) for shape in description.inputs],
        "outputs": [list(shape) for shape in description.outputs],
        "around": cost.around,
        "line": cost.source,
        "device": str(device),
        "count": cost.count,
        "milliseconds": cost.nanoseconds / 1e6,
        "share": cost.nanoseconds / total,
    }


def _shapes(shapes: Sequence[Sequence[int]]) -> str:
    shown = ["x".join(map(str, shape)) or "scalar" for shape in shapes[:3]]
    return ", ".join([*shown, "…"] if len(shapes) > 3 else shown) or "nothing"
