"""program.json: entry points, where everything lies in the heap, and what the two
executors run; docs/architecture.md has the reasons."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from neurenix import __version__
from neurenix.dtypes import uint32
from neurenix.errors import ExportError
from neurenix.exporting import EntryPoint, Exported, Port
from neurenix.primitives import TensorType

from ..lowering.dispatch_list import DispatchList
from ..lowering.memory_text import module_text
from ..lowering.storage import word_count
from .dispatches_of import dispatches_of, placed
from .layout import DTYPES, Array, Constants, Heap
from .steps import flat
from .steps_of import Steps, steps_of

FORMAT = "neurenix-web"
VERSION = (1, 0)
MOST_WORDS = 1 << 29  # of the one buffer: 2 GiB, which browsers allow at most
Json = dict[str, Any]


@dataclass(frozen=True)
class _Lowered:
    """An entry point, lowered for both executors; where its inputs and outputs lie, and
    the constants of its dispatches among all."""

    entry: EntryPoint
    steps: Steps
    dispatches: DispatchList
    inputs: list[int]
    outputs: list[int]
    constants: int


def program_json(exported: Exported) -> tuple[Json, dict[str, Array]]:
    """The program, but for what it says of the other files; and its constants, as
    weights, of which there are none in `exported`."""
    heap, constants = Heap(), Constants()
    types = _types_of_weights(exported)
    at = {name: heap.take(word_count(type)) for name, type in types.items()}
    lowered = [_lowered(e, at, heap, constants) for e in exported.entry_points]
    words, name = constants.words(), _unused("constants", types)
    types[name] = TensorType(words.shape, uint32)
    at[name] = heap.take(len(words))
    weights = {n: _described(n, type, at[n]) for n, type in types.items()}
    scratch = heap.words
    modules: dict[str, int] = {}
    entries = {
        x.entry.name: {
            "state": [weights[n] for n in x.entry.state],
            **_entry(x, at[name], scratch, modules),
        }
        for x in lowered
    }
    largest = max(sum(x.dispatches.scratch) for x in lowered)
    memory = {
        "cpu": scratch + max(x.steps.scratch for x in lowered),
        "gpu": scratch + max(largest, 1),
    }
    _check_memory(memory, scratch)
    program = {
        "format": FORMAT,
        "version": list(VERSION),
        "made_by": f"Neurenix {__version__}",
        "memory": memory,
        "weights": list(weights.values()),
        "modules": [module_text(text) for text in modules],
        "entries": entries,
    }
    return program, {name: words}


def _unused(name: str, taken: Container[str]) -> str:
    while name in taken:
        name += "#"
    return name


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


def _lowered(
    entry: EntryPoint, weights: dict[str, int], heap: Heap, constants: Constants
) -> _Lowered:
    state = len(entry.state)
    program = entry.program
    steps = steps_of(program, state, constants)
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
        constants.add(dispatches.constants),
    )


def _entry(x: _Lowered, constants: int, scratch: int, modules: dict[str, int]) -> Json:
    """All but its state. Constants and scratch begin where these say."""
    entry = x.entry
    texts = x.dispatches.modules
    numbers = [modules.setdefault(text, len(modules)) for text in texts]
    pieces = [scratch] if x.dispatches.scratch else []
    bases = [constants + x.constants, *x.inputs, *x.outputs, *pieces]
    first = len(x.inputs) - len(entry.inputs)
    places = [constants, scratch, *x.inputs, *x.outputs]
    return {
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
