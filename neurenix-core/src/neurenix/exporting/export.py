"""nx.export: a function as an artefact that needs no Python."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .. import dispatch, tree
from ..backends import discovery
from ..devices import Device
from ..errors import InvalidArgumentError, StorageError
from ..io import as_path
from ..keywords import with_known_keywords
from ..program import Program
from ..settings import current_device
from ..state.cell import Cell
from ..tensor import Tensor, tensor
from ..transforms.stateful import StatefulFunction
from ..transforms.statics import name_around
from .artefact import Array, EntryPoint, Exported, Port
from .capturing import Captured, captured
from .names import WeightNames, apart, bound, check_unique
from .targets import exporter_of

_ONLY = "run"  # the name of the entry point of an artefact that has one


@with_known_keywords
def export(
    f: Callable[..., Any] | Mapping[str, Callable[..., Any]],
    example_inputs: Any,
    path: str | os.PathLike[str],
    target: str,
) -> None:
    """Writes a function as an artefact that runs without Python.

    f                a function of trees of tensors, as for `nx.compile`: a module, a
                     prediction, an adaptation with its gradient steps, a whole training
                     step. Several that share weights, by name: {"adapt": f, "predict":
                     g}
    example_inputs   arguments for it: a dict by the names of its parameters, or a tuple
                     in their order; of several functions, such for each, by name
    path             where; its folder must exist. A file or an artefact that is there
                     is replaced once the new one is whole; a folder that holds
                     anything else is refused
    target           what is written; packages bring targets (entry points of the group
                     `neurenix.exporters`):
                     "onnx"   one ONNX model, a file (of several functions, a folder of
                              files); extra [onnx] of neurenix-core
                     "web"    a folder for browsers and Node; package
                              neurenix-backend-webgpu

    The function is captured for the shapes and dtypes of the examples. Tensors and
    arrays among them become named inputs: "x", or "weights.bias" for {"bias": ...}
    given as `weights`. Anything else (numbers, strings, None) is a part of the program.
    Outputs are named "output" (of one tensor), "output0", "output1" (of a tuple), or by
    the keys of a dict. What the function reads from outside, such as a model's
    parameters, is written with it as weights, with the values of now; a weight that
    has the name of an input or output is called "weight#2".

    What it changes is state, and must be listed: export `nx.compile(f, state=[model,
    optimizer])`. Each call then starts from the state that the last one left.

    The artefact is run on the example inputs before it is written, if the target can,
    and must give what the device here gives.

    Raises InvalidArgumentError for an unknown target (it lists those there are), for
    examples that the function does not take, and for names that are alike;
    MissingPackageError where the target needs a package; CaptureError, with the line,
    for what no program can do; ExportError, with operation and line, for what the
    target has no way to do; StorageError for a path that cannot be written.

    >>> import tempfile, os
    >>> import neurenix as nx
    >>> model = nx.nn.Linear(2, 1)
    >>> path = os.path.join(tempfile.mkdtemp(), "model.onnx")
    >>> nx.export(model, {"x": nx.ones(3, 2)}, path, target="onnx")
    >>> nx.export(model, {"x": nx.ones(3, 2)}, path, target="paper")
    Traceback (most recent call last):
    neurenix.errors.InvalidArgumentError: export: there is no target 'paper'; ...
    """
    file = as_path("export", path)
    if not file.absolute().parent.is_dir():
        raise StorageError(
            f"export: the folder {str(file.absolute().parent)!r} does not exist"
        )
    write = exporter_of(target)
    write(exported(f, example_inputs), file.absolute())


def exported(
    f: Callable[..., Any] | Mapping[str, Callable[..., Any]], example_inputs: Any
) -> Exported:
    """What an exporter of these functions is given."""
    functions = _functions(f)
    examples = example_inputs if isinstance(f, Mapping) else {_ONLY: example_inputs}
    if not isinstance(examples, Mapping) or set(examples) != set(functions):
        raise InvalidArgumentError(
            f"export: the entry points are {', '.join(functions)}; example_inputs must "
            "be a dict with the inputs of each"
        )
    state = _state(functions)
    names = WeightNames(state)
    weights: dict[str, Array] = {}
    by_cell = {id(cell): name for name, cell in state.items()}
    made = []
    device = current_device()
    for entry, function in functions.items():
        for owner in _owners(function.f):
            names.know(owner)
        args, kwargs, leaves = bound(entry, function.f, examples[entry])
        args, kwargs = _as_tensors((args, kwargs))
        inputs = [
            (name, x)
            for name, x in zip(leaves, tree.flatten((args, kwargs))[0], strict=True)
            if isinstance(x, Tensor)
        ]
        check_unique(f"inputs of {entry}", [name for name, _ in inputs])
        tensors = [x.value() for _, x in inputs]
        found = captured(entry, function, state, args, kwargs, tensors, device)

        def name_of(x: Tensor, f: Callable[..., Any] = function.f) -> str:
            name = by_cell.get(id(x)) or names.of(x, _hint(f, x))
            weights.setdefault(name, _array(x))
            return name

        made.append(
            _entry_point(
                entry,
                found,
                [name_of(x) for x in found.state],
                [name_of(x) for x in found.read],
                [name for name, _ in inputs],
                tensors,
                device,
            )
        )
    return _told_apart(made, weights, device)


def _told_apart(
    made: Sequence[EntryPoint], weights: dict[str, Array], device: Device
) -> Exported:
    """The artefact, no weight of which is named as an input or output. Those have their
    names from the caller, and keep them."""
    ports = {port.name for entry in made for port in (*entry.inputs, *entry.outputs)}
    named = apart(weights, ports)
    entries = tuple(
        replace(
            entry,
            state=tuple(named[n] for n in entry.state),
            weights=tuple(named[n] for n in entry.weights),
        )
        for entry in made
    )
    return Exported(entries, {named[n]: x for n, x in weights.items()}, str(device))


def _functions(
    f: Callable[..., Any] | Mapping[str, Callable[..., Any]],
) -> dict[str, StatefulFunction]:
    given = dict(f) if isinstance(f, Mapping) else {_ONLY: f}
    if not given:
        raise InvalidArgumentError("export: no function was given")
    for name, function in given.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise InvalidArgumentError(
                f"export: an entry point is named {name!r}; expected an identifier"
            )
        if not callable(function):
            raise InvalidArgumentError(f"export: {function!r} is not callable")
    return {
        name: function
        if isinstance(function, StatefulFunction)
        else StatefulFunction(function, (), guard=False)
        for name, function in given.items()
    }


def _state(functions: Mapping[str, StatefulFunction]) -> dict[str, Cell]:
    """The cells that any of them has as state, by a name of their own."""
    found: dict[str, Cell] = {}
    seen: set[int] = set()
    for function in functions.values():
        for path, cell in function.cells().items():
            if id(cell) in seen:
                continue
            seen.add(id(cell))
            name, number = path, 1
            while name in found:
                number += 1
                name = f"{path}#{number}"
            found[name] = cell
    return found


def _hint(f: Callable[..., Any], x: Tensor) -> str:
    """What the function calls a tensor from outside."""
    found = name_around(f, x)
    return found.strip("'") if found.startswith("'") else "constant"


def _owners(f: Any) -> list[Any]:
    """Objects that the function reads by name, and itself: they may have cells."""
    code = getattr(f, "__code__", None)
    around = [getattr(f, "__self__", None), f]
    if code is not None:
        around += [c.cell_contents for c in f.__closure__ or () if _is_filled(c)]
        around += [f.__globals__[n] for n in code.co_names if n in f.__globals__]
    return [x for x in around if not isinstance(x, type)]


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018  empty until the variable is assigned
    except ValueError:
        return False
    return True


def _as_tensors(arguments: Any) -> Any:
    return tree.map_leaves(
        lambda x: tensor(x) if isinstance(x, np.ndarray) else x, arguments
    )


def _array(x: Tensor) -> Array:
    return np.array(x.value().numpy())


def _entry_point(
    name: str,
    found: Captured,
    state: Sequence[str],
    weights: Sequence[str],
    inputs: Sequence[str],
    tensors: Sequence[Tensor],
    device: Device,
) -> EntryPoint:
    program = found.program
    arrays = [_array(x) for x in tensors]
    results = run_program(
        program, [*map(_array, found.state), *map(_array, found.read), *arrays], device
    )
    count = len(state)
    ports = zip(found.outputs, program.output_types[count:], strict=True)
    return EntryPoint(
        name,
        program,
        tuple(state),
        tuple(weights),
        tuple(Port(n, x.type) for n, x in zip(inputs, tensors, strict=True)),
        tuple(Port(n, t) for n, t in ports),
        tuple(arrays),
        tuple(results[:count]),
        tuple(results[count:]),
    )


def run_program(
    program: Program, arrays: Sequence[Array], device: Device
) -> list[Array]:
    """The program's outputs on a device."""
    backend = discovery.backend(device.type)
    executable = dispatch.compile_for(dispatch.prepare_for(program, device), device)
    buffers = [
        backend.upload(array, type, device.index)
        for array, type in zip(arrays, program.input_types, strict=True)
    ]
    return [
        np.array(backend.download(buffer, type))
        for buffer, type in zip(executable(buffers), program.output_types, strict=True)
    ]
