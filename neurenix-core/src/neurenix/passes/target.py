"""The target of the passes: a device, as far as they ask about it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..primitives.fused import FUSED_ARGMAX
from .decompose import ALL, Expands, never
from .limits import USUAL, Limits


@dataclass(frozen=True)
class Target:
    """The parts of a device's `Capabilities` that shape a program, and what its backend
    says of single instructions. Equal targets share prepared regions.

    expands   whether a map is given to it expanded, by the batch rules; one that lacks
              map gets every map so
    device    its name, for messages
    """

    primitives: frozenset[str] = ALL
    features: frozenset[str] = frozenset({FUSED_ARGMAX})
    limits: Limits = USUAL
    expands: Expands = never
    device: str = field(default="", compare=False)


EVERYTHING = Target()
