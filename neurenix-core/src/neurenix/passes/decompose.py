"""Decomposition: rewrites the primitives that a device has no kernel for in primitives
that it has.

A primitive that is lacking is replaced by its decomposition, whose own primitives may
be lacking too; all end in the basis, which every device must have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import BackendError
from ..primitives import InBasis, Primitive, all_primitives, ops
from ..primitives.control import regions
from ..primitives.control_map import BatchByMap
from ..program.ir import Instruction, Program, Symbol, params_key, renamed
from .tasks import Way

ALL = frozenset(p.name for p in all_primitives())
Expands = Callable[[Instruction], bool]
_BATCHED_BY_MAP = {p.name for p in all_primitives() if isinstance(p.batch, BatchByMap)}


def never(instruction: Instruction) -> bool:
    """Expands nothing: the answer of a device that runs every map as one
    instruction."""
    return False


def always(instruction: Instruction) -> bool:
    """Expands every map."""
    return True


def kept(instruction: Instruction) -> Way:
    """Every map as one instruction, in chunks if it says so."""
    return Way(True, instruction.params["chunk"])


def decomposed(
    program: Program,
    lacking: frozenset[str],
    device: str,
    way: Callable[[Instruction], Way] = kept,
) -> Program:
    """The program without the primitives that are lacking, and without the maps that
    the device wants expanded. Programs inside it are changed only where what holds them
    goes. The same program where it has none of them.

    Raises BackendError if a primitive of the basis is among what it needs and lacks.
    """
    return _Decomposer(lacking, device, way).program(program)


class _Decomposer:
    """Equal instructions are decomposed once."""

    def __init__(
        self, lacking: frozenset[str], device: str, way: Callable[[Instruction], Way]
    ) -> None:
        self.lacking = lacking
        self.way = way
        self.device = device
        self.made: dict[Any, Program] = {}

    def _goes(self, i: Instruction) -> bool:
        return i.primitive.name in self.lacking or (
            i.primitive is ops.map and not self.way(i).kept
        )

    def program(self, program: Program) -> Program:
        going = set(filter(self._goes, program.instructions))
        if not going:
            return program
        names: dict[Symbol, Symbol] = {}
        out: list[Instruction] = []
        for given in program.instructions:
            i = given.with_inputs([names.get(s, s) for s in given.inputs])
            if given not in going:
                out.append(i)
                continue
            steps = renamed(self._instead(i))
            inner = dict(zip(steps.inputs, i.inputs, strict=True))
            for j in steps.instructions:
                inputs = [inner.get(s, s) for s in j.inputs]
                out.append(
                    Instruction(j.primitive, inputs, j.params, j.outputs, i.source)
                )
            names.update(
                (old, inner.get(new, new))
                for old, new in zip(i.outputs, steps.outputs, strict=True)
            )
        outputs = [names.get(s, s) for s in program.outputs]
        return Program(program.inputs, out, outputs)

    def _instead(self, i: Instruction) -> Program:
        types = tuple(s.type for s in i.inputs)
        key = (i.primitive, types, params_key(i.params))
        found = self.made.get(key)
        if found is None:
            params = i.params
            if i.primitive is ops.map:  # batching its body must not bring it back
                wide = self.lacking | _BATCHED_BY_MAP
                body = decomposed(params["body"], wide, self.device, self.way)
                params = {**params, "body": body, "chunk": self.way(i).chunk}
            steps = regions[0].capture(None, self._rule(i.primitive, params), types)
            found = self.made[key] = self.program(steps)
        return found

    def _rule(self, primitive: Primitive, params: dict[str, Any]) -> Any:
        decomposition = primitive.decomposition
        if isinstance(decomposition, InBasis):
            raise BackendError(
                f"{self.device} has no kernel for {primitive.name}, which is in the "
                "basis that every backend must have "
                "(neurenix.primitives.BASIS lists it); its author must add one"
            )

        def rule(*values: Any) -> list[Any]:
            outputs = decomposition(*values, **params)
            return list(outputs) if primitive.many else [outputs]

        return rule
