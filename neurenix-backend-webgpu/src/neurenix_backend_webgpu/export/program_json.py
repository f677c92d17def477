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
from .steps import flat
from .steps_of import Steps, steps_of

FORMAT = "neurenix-web"
VERSION = (1, 0)
MOST_WORDS = 1 << 29  # of the one buffer: 2 GiB, which browsers allow at most
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
    memory = {
        "cpu": scratch + max(x.steps.scratch for x in lowered),
        "gpu": scratch + max(largest, 1),
    }
    _check_memory(memory, scratch)
    return {
        "format": FORMAT,
        "version": list(VERSION),
        "made_by": f"Neurenix {__version__}",
        "memory": memory,
        "weights": [_described(name, types[name], at[name]) for name in types],
        "constants": [
            *([at, _text(words)] for at, words in heap.contents()),
            *([x.constants, _text(x.dispatches.constants)] for x in lowered),
        ],
        "modules": [module_text(text) for text in modules],
        "entries": entries,
    }


def _check_memory(memory: dict[str, int], values: int) -> None:
    """Raises ExportError for what no runner can have in its one buffer."""
    for executor, words in memory.items():
        if words > MOST_WORDS:
            needed, kept, most = (_megabytes(n) for n in (words, values, MOST_WORDS))
            raise ExportError(
                f"export: on the {executor.upper()} the program needs {needed} in one "
                f"buffer ({kept} of weights, constants, inputs and outputs, the rest "
                f"of scratch), and the web has {most}; export it for smaller inputs, "
                "or with chunk="
            )


def _megabytes(words: int) -> str:
    return f"{4 * words / 1e6:,.1f} MB"


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
    places = [0, scratch, *x.inputs, *x.outputs]
    return {
        "state": list(entry.state),
        "inputs": _ports(entry.inputs, x.inputs[first:]),
        "outputs": _ports(entry.outputs, x.outputs[len(entry.state) :]),
        "steps": flat(x.steps.regions, [4 * at for at in places]),
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
