"""A B A B: Neurenix and a peer take turns, so that both meet the same machine.

Each form is a process of its own that is started, compiled and warmed once; between its
turns it waits for a line to read. A ratio is that of two neighbouring turns.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, quantiles

from .forms import Form
from .peers import Peers
from .process import Failed, Process, Row


class Worker(Process):
    """A process of one form. `first` is what its first call took and gave."""

    def __init__(
        self, peers: Peers, form: Form, workload: str, limit: float, temporary: str
    ) -> None:
        command = peers.command(form, workload, "blocks")
        environment = peers.environment(form, temporary)
        super().__init__(command, environment, limit, temporary)
        self.first: Row = self.answer() | self.answer()

    def block(self, seconds: float) -> Row:
        return self.ask(seconds)


@contextmanager
def worker(peers: Peers, form: Form, workload: str, limit: float) -> Iterator[Worker]:
    with tempfile.TemporaryDirectory() as temporary:
        running = Worker(peers, form, workload, limit, temporary)
        try:
            yield running
        finally:
            running.close()


def spread(values: list[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return low, middle, high


def _row(workload: str, form: Form, first: Row, blocks: list[Row]) -> Row:
    return {
        "workload": workload,
        "peer": form.peer,
        "form": form.label,
        **first,
        "median_ms": median(b["median_ms"] for b in blocks),
        "best_ms": min(b["best_ms"] for b in blocks),
        "calls": sum(b["calls"] for b in blocks),
        "memory_mb": blocks[-1]["memory_mb"],
    }


def _ratio(theirs: list[float], ours: list[float]) -> Row:
    low, middle, high = spread([a / b for a, b in zip(theirs, ours, strict=True)])
    return {"ratio_low": low, "ratio": middle, "ratio_high": high, "pairs": len(ours)}


def steps(
    peers: Peers, workload: str, ours: Form, forms: list[Form], turns: int,
    seconds: float, limit: float,
) -> Iterator[Row]:  # fmt: skip
    """Rows of a workload: each form against ours beside it, and ours over all turns."""
    with worker(peers, ours, workload, limit) as we:
        every: list[Row] = []
        for form in forms:
            if not peers.installed(form):
                yield failure(workload, form, "not installed")
                continue
            try:
                with worker(peers, form, workload, limit) as they:
                    we.block(seconds), they.block(seconds)  # warm up
                    mine, other = [], []
                    for _ in range(turns):
                        mine.append(we.block(seconds))
                        other.append(they.block(seconds))
            except Failed as failed:
                yield failure(workload, form, str(failed))
                continue
            every += mine
            ratio = _ratio(*([b["median_ms"] for b in x] for x in (other, mine)))
            yield _row(workload, form, they.first, other) | ratio
        if not every:
            we.block(seconds)
            every = [we.block(seconds) for _ in range(turns)]
        yield _row(workload, ours, we.first, every)


def failure(workload: str, form: Form, reason: str) -> Row:
    return {
        "workload": workload, "peer": form.peer, "form": form.label, "error": reason
    }  # fmt: skip


def _whole(peers: Peers, form: Form, workload: str, limit: float, kept: str) -> Row:
    """One run from the outside: start of the interpreter to its end."""
    with tempfile.TemporaryDirectory() as fresh:
        start = time.perf_counter()
        try:
            done = subprocess.run(
                peers.command(form, workload, "whole"),
                env=peers.environment(form, fresh if form.cold else kept),
                cwd=peers.scripts,
                capture_output=True,
                text=True,
                timeout=limit,
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"longer than {limit:.0f} s") from None
        wall = time.perf_counter() - start
    if done.returncode:
        raise Failed((done.stderr.strip().splitlines()[-1:] or ["no output"])[0][:200])
    return json.loads(done.stdout.splitlines()[-1]) | {"wall_s": wall}


def whole_process(
    peers: Peers, workload: str, ours: Form, forms: list[Form], turns: int,
    limit: float,
) -> Iterator[Row]:  # fmt: skip
    """As `steps`, of whole processes."""
    with tempfile.TemporaryDirectory() as kept:
        every: list[Row] = []
        cold = ours._replace(cold=True)  # no cache files of ours

        def row(form: Form, runs: list[Row]) -> Row:
            return {
                **failure(workload, form, ""),
                "wall_median_s": median(r["wall_s"] for r in runs),
                "wall_best_s": min(r["wall_s"] for r in runs),
                "memory_mb": max(r["memory_mb"] for r in runs),
                "mse": runs[-1]["mse"],
                "error": None,
            }

        for form in forms:
            if not peers.installed(form):
                yield failure(workload, form, "not installed")
                continue
            try:
                if not form.cold:
                    _whole(peers, form, workload, limit, kept)  # fills its caches
                mine, other = [], []
                for _ in range(turns):
                    mine.append(_whole(peers, cold, workload, limit, kept))
                    other.append(_whole(peers, form, workload, limit, kept))
            except Failed as failed:
                yield failure(workload, form, str(failed))
                continue
            every += mine
            yield row(form, other) | _ratio(
                *([r["wall_s"] for r in x] for x in (other, mine))
            )
        if not every:
            every = [_whole(peers, cold, workload, limit, kept) for _ in range(turns)]
        yield row(ours, every)
