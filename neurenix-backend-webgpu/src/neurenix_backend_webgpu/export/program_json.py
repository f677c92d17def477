"""program.json: entry points, where everything lies in the heap, and what the two
executors run; docs/architecture.md has the reasons."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from neurenix import __version__
from neurenix.errors import ExportError
from neurenix.exporting import EntryPoint, Exported, Port
from neurenix.primitives import TensorType

from ..lowering.dispatch_list import DispatchList
from ..lowering.memory_text import module_text
from ..lowering.storage import word_count
from .dispatches_of import dispatches_of, placed
from .layout import DTYPES, Array, Heap
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
    """All of it but the checksums."""
    heap = Heap()
    types = _types_of_weights(exported)
    at = {name: heap.take(word_count(type)) for name, type in types.items()}
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
            "cpu": scratch + max(x.steps.scratch for x in lowered),
            "gpu": scratch + max(largest, 1),
        },
        "weights": [_described(name, types[name], at[name]) for name in types],
        "constants": [
            *([at, _text(words)] for at, words in heap.contents()),
            *([x.constants, _text(x.dispatches.constants)] for x in lowered),
        ],
        "modules": [module_text(text) for text in modules],
        "entries": entries,
    }


def _lowered(entry: EntryPoint, weights: dict[str, int], heap: Heap) -> _Lowered:
    state = len(entry.state)
    program = entry.program
    steps = steps_of(program, state, heap)
    dispatches = dispatches_of(program, state)
    own = [heap.take(word_count(port.type)) for port in entry.inputs]
    made = [heap.take(word_count(port.type)) for port in entry.outputs]
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
    dtype = type.dtype.name
    if dtype not in DTYPES:
        raise ExportError(
            f"export: the web has no {dtype}, which {name} is of; it has "
            + ", ".join(DTYPES)
        )
    shape = list(type.shape)
    return {
        "name": name,
        "dtype": dtype,
        "letter": DTYPES[dtype],
        "shape": shape,
        "at": at,
    }


def _types_of_weights(exported: Exported) -> dict[str, TensorType]:
    """By name, as the programs that read them have it."""
    types: dict[str, TensorType] = {}
    for entry in exported.entry_points:
        names = (*entry.state, *entry.weights)
        types.update(zip(names, entry.program.input_types, strict=False))
    return types


def _text(words: Array) -> str:
    return base64.b64encode(words.astype("<u4").tobytes()).decode("ascii")
