"""A kernel: what one step of a plan becomes, before its operands have addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neurenix.phynexus.plan.views import View

from .dispatch_list import grid
from .library import with_library
from .memory_text import argument

GROUP = 64  # invocations of a workgroup


@dataclass(frozen=True)
class Kernel:
    """A module over workgroups. The first words of its row are the addresses of its
    operands' first elements, then come `numbers`."""

    text: str
    operands: tuple[View, ...]
    groups: tuple[int, int, int]
    numbers: tuple[int, ...] = ()


def base(operand: int) -> str:
    """The expression of an operand's address."""
    return argument(operand)


_ENTRY = """\
@compute @workgroup_size({group})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32) {{
  let e = (group.x + group.y * groups.x) * {group}u + lane;
  if (e >= {count}u) {{ return; }}
{lines}
}}"""


def one_each(count: int, lines: Sequence[str], operands: Sequence[View]) -> Kernel:
    """A kernel whose lines run once for each `e` below `count`."""
    body = "\n".join(f"  {line}" for line in lines)
    text = _ENTRY.format(group=GROUP, count=count, lines=body)
    return Kernel(with_library(text), tuple(operands), grid(count, GROUP))
