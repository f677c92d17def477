"""program.json: entry points, where everything lies in the heap, and what the two
executors run. `docs/web-artefact.md` has its fields."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurenix import __version__
from neurenix.exporting import EntryPoint, Exported, Port
from neurenix.primitives import TensorType

from ..lowering.dispatch_list import DispatchList
from ..lowering.memory_text import head
from .dispatches_of import dispatches_of, placed
from .layout import Array, Heap, as_words
from .steps_of import Steps, steps_of

FORMAT = "neurenix-web"
VERSION = (1, 0)
Json = dict[str, Any]


@dataclass(frozen=True)
class _Lowered:
    """An entry point, lowered for both executors; where its inputs, outputs and the
    constants of its dispatches lie."""

    entry: EntryPoint
    steps: Steps
    dispatches: DispatchList
    inputs: list[int]
    outputs: list[int]
    constants: int


def program_json(exported: Exported) -> Json:
    """All of it but the digests."""
    heap = Heap()
    at = {name: heap.take(array.size) for name, array in exported.weights.items()}
    weights = heap.words
    lowered = [_lowered(entry, at, heap) for entry in exported.entry_points]
    scratch = heap.words
    modules: dict[str, int] = {}
    entries = {x.entry.name: _entry(x, scratch, modules) for x in lowered}
    largest = max(sum(x.dispatches.scratch) for x in lowered)
    return {
        "format": FORMAT,
        "version": list(VERSION),
        "made_by": f"Neurenix {__version__}",
        "memory": {
            "weights": weights,
            "cpu": scratch + max(x.steps.scratch for x in lowered),
            "gpu": scratch + max(largest, 1),
        },
        "weights": [
            _described(name, TensorType(a.shape, _dtype_of(exported, name)), at[name])
            for name, a in exported.weights.items()
        ],
        "constants": [
            *([at, _text(c.array)] for c, at in heap.constants.items()),
            *([x.constants, _text(x.dispatches.constants)] for x in lowered),
        ],
        "head": head(),
        "modules": list(modules),
        "entries": entries,
    }


def _lowered(entry: EntryPoint, weights: dict[str, int], heap: Heap) -> _Lowered:
    state = len(entry.state)
    program = entry.program
    steps = steps_of(program, state, heap)
    dispatches = dispatches_of(program, state)
    own = [heap.take(port.type.size) for port in entry.inputs]
    made = [heap.take(port.type.size) for port in entry.outputs]
    inputs = [weights[name] for name in (*entry.state, *entry.weights)]
    return _Lowered(
        entry,
        steps,
        dispatches,
        [*inputs, *own],
        [*inputs[:state], *made],
        heap.take(len(dispatches.constants)),
    )


def _entry(x: _Lowered, scratch: int, modules: dict[str, int]) -> Json:
    entry = x.entry
    texts = x.dispatches.modules
    numbers = [modules.setdefault(text, len(modules)) for text in texts]
    pieces = [scratch] if x.dispatches.scratch else []
    bases = [x.constants, *x.inputs, *x.outputs, *pieces]
    first = len(x.inputs) - len(entry.inputs)
    return {
        "state": list(entry.state),
        "inputs": _ports(entry.inputs, x.inputs[first:]),
        "outputs": _ports(entry.outputs, x.outputs[len(entry.state) :]),
        "places": [scratch, *x.inputs, *x.outputs],
        "regions": x.steps.regions,
        "dispatches": placed(x.dispatches, bases, numbers),
    }


def _ports(ports: Iterable[Port], at: Sequence[int]) -> list[Json]:
    return [_described(p.name, p.type, a) for p, a in zip(ports, at, strict=True)]


def _described(name: str, type: TensorType, at: int) -> Json:
    shape = list(type.shape)
    return {"name": name, "dtype": type.dtype.name, "shape": shape, "at": at}


def _dtype_of(exported: Exported, name: str) -> Any:
    """The dtype of a weight, which the programs that read it know."""
    for entry in exported.entry_points:
        names = (*entry.state, *entry.weights)
        if name in names:
            return entry.program.input_types[names.index(name)].dtype
    raise AssertionError(f"no entry point reads {name}")


def _text(array: Array) -> str:
    words = as_words(np.asarray(array)).astype("<u4")
    return base64.b64encode(words.tobytes()).decode("ascii")
