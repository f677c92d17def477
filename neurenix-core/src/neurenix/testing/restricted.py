"""A device that has only some of the primitives: the NumPy reference, cut down.

It runs what a backend with few kernels would be given, so that the decompositions are
held to the conformance suite like any kernel.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..backends import Available, BackendInfo, discovery
from ..backends.protocol import API_VERSION, Capabilities, InstructionCost
from ..backends.reference import ReferenceBackend, ReferenceExecutable
from ..primitives import BASIS
from ..program import Program


class RestrictedBackend(ReferenceBackend):
    """The reference with these kernels alone; it refuses a program with any other."""

    def __init__(self, primitives: Iterable[str] = BASIS) -> None:
        self.primitives = frozenset(primitives)

    def capabilities(self, index: int) -> Capabilities:
        return replace(super().capabilities(index), primitives=self.primitives)

    def compile(
        self, program: Program, index: int, state: int = 0
    ) -> ReferenceExecutable:
        for part in (*program.regions(), program):
            for i in part.instructions:
                if i.primitive.name not in self.primitives:
                    raise AssertionError(
                        f"a program with {i.primitive.name} came to a device "
                        "that does not declare it"
                    )
        return super().compile(program, index, state)

    def start_profile(self) -> None:
        """There is one watch for what NumPy runs, and it is the reference's."""

    def finish_profile(self) -> list[InstructionCost]:
        return []


def add_restricted_device(
    device_type: str = "basis", primitives: Iterable[str] = BASIS
) -> str:
    """Make a device type with these primitives, and give back its name.

    Raises BackendError if there is one of this name with other primitives.

    >>> import neurenix as nx
    >>> from neurenix.testing import add_restricted_device
    >>> with_few = add_restricted_device("few")
    >>> nx.tanh(nx.tensor([0.0], device=with_few)).tolist()
    [0.0]
    """
    wanted = RestrictedBackend(primitives)
    state = discovery.state(device_type)
    if isinstance(state, Available):
        there = discovery.backend(device_type)
        if (
            isinstance(there, RestrictedBackend)
            and there.primitives == wanted.primitives
        ):
            return device_type
    discovery.add(
        BackendInfo(
            device_type,
            API_VERSION,
            "neurenix-core",
            -200,
            lambda: 1,
            lambda: wanted,
        )
    )
    return device_type
