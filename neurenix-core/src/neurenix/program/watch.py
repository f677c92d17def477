"""Measures what instructions cost where NumPy evaluates them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any

from .ir import Instruction, Program


class Watch:
    """Counts and nanoseconds by instruction; what an instruction runs in its region is
    the region's."""

    def __init__(self) -> None:
        self.programs: dict[Program, None] = {}  # those that no other one ran
        self._costs: dict[Instruction, list[int]] = {}
        self._lock = threading.Lock()
        self._thread = _Thread()

    def cost(self, instruction: Instruction) -> tuple[int, int]:
        count, nanoseconds = self._costs.get(instruction, (0, 0))
        return count, nanoseconds

    def run(
        self, program: Program, instruction: Instruction, inputs: Iterable[Any]
    ) -> Sequence[Any]:
        thread, reference = self._thread, instruction.primitive.reference
        if thread.fused:  # one instruction to everyone
            return reference(*inputs, **instruction.params)
        if thread.depth == 0:
            self.programs.setdefault(program)
        before, thread.inside = thread.inside, 0
        thread.depth += 1
        thread.fused = instruction.primitive.name == "fused"
        start = time.perf_counter_ns()
        try:
            return reference(*inputs, **instruction.params)
        finally:
            passed = time.perf_counter_ns() - start
            own = passed - thread.inside
            thread.inside = before + passed
            thread.depth -= 1
            thread.fused = False
            with self._lock:
                cost = self._costs.setdefault(instruction, [0, 0])
                cost[0] += 1
                cost[1] += own


class _Thread(threading.local):
    def __init__(self) -> None:
        self.depth = self.inside = 0
        self.fused = False
