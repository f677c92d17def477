"""What kernels use, as `nvcc -Xptxas -v` says it."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Used:
    """Of a kernel and the functions that it calls: registers of a thread, shared bytes
    of a block that are not asked for at the launch, bytes that are stored and loaded
    for want of registers."""

    registers: int
    shared_bytes: int
    spilled_bytes: int


def resources_of(said: str) -> dict[str, Used]:
    """By kernel; of several architectures the most.

    >>> resources_of('''ptxas info    : Compiling entry function 'k' for 'sm_90'
    ... ptxas info    : Function properties for k
    ...     0 bytes stack frame, 8 bytes spill stores, 16 bytes spill loads
    ... ptxas info    : Used 40 registers, used 1 barriers, 64 bytes smem''')
    {'k': Used(registers=40, shared_bytes=64, spilled_bytes=24)}
    """
    found: dict[str, Used] = {}
    parts = re.split(r"Compiling entry function '(\w+)' for '\w+'", said)
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        spills = re.findall(r"(\d+) bytes spill (?:stores|loads)", text)
        shared = re.search(r"(\d+) bytes smem", text)
        registers = re.search(r"Used (\d+) registers", text)
        assert registers is not None, f"no registers of {name} in what ptxas says"
        before = found.get(name, Used(0, 0, 0))
        found[name] = Used(
            max(before.registers, int(registers[1])),
            max(before.shared_bytes, int(shared[1]) if shared else 0),
            max(before.spilled_bytes, sum(map(int, spills))),
        )
    return found
