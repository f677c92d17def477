"""What an exporter is given: programs with named inputs and outputs, and weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..primitives import TensorType
from ..program import Program

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Port:
    """An input or output of an entry point: "x", or "weights.conv.bias" within a
    tree."""

    name: str
    type: TensorType


@dataclass(frozen=True, eq=False)
class EntryPoint:
    """A function of an artefact: `program`, and what its inputs and outputs are.

    The program's inputs are, in this order, `state`, `weights`, `inputs`; its outputs
    are the new values of `state`, then `outputs`. It is settled and
    simplified; its regions are as they were captured, neither inlined nor fused.

    state             names in `Exported.weights` of what a call changes
    weights           names there of what it only reads
    example_inputs    one array for each of `inputs`
    example_state     the values of `state` after one call with them on the weights
    example_outputs   the `outputs` of that call, as the device here computes them
    """

    name: str
    program: Program
    state: tuple[str, ...]
    weights: tuple[str, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    example_inputs: tuple[Array, ...]
    example_state: tuple[Array, ...]
    example_outputs: tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class Exported:
    """All that an artefact is made of. What several entry points share, they name
    alike; no weight or state has the name of an input or output of any of them.

    weights   the values that the programs had outside of their arguments, by name
    device    which computed the examples
    """

    entry_points: tuple[EntryPoint, ...]
    weights: dict[str, Array]
    device: str


#: What an entry point of the group `neurenix.exporters` names, by its target: it writes
#: the artefact to the path, whose folder exists, as a whole or not at all. What it
#: cannot write it refuses by an ExportError, with operation, line and reason.
Exporter = Callable[[Exported, Path], None]
