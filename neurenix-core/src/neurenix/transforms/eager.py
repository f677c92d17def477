"""Runs functions as ordinary Python where they would be captured: what `nx.debug.eager`
does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import dispatch, tree
from ..autograd.mode import Differentiation
from ..dtypes import uint32
from ..errors import ShapeError, StepsInterrupted
from ..primitives import ops
from ..primitives.shorthands import cut
from ..random import Generator
from ..state.cell import Cell
from ..state.locks import lock_of
from ..state.stand_ins import as_call_state
from ..tensor import Tensor, literal, tensor
from .compiled_capture import all_finite
from .stateful import StatefulFunction


class _Local(threading.local):
    """The random streams that are state of the outermost call under way."""

    def __init__(self) -> None:
        self.depth = 0
        self.generators: list[Generator] = []


_local = _Local()


def as_captured(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """f(*args, **kwargs), with the tape on as it is in a capture; where it was off, the
    results know nothing of it."""
    with Differentiation(()) as d:
        out = f(*args, **kwargs)
    return d.close(out)


def _untracked(x: Any) -> Any:
    if not isinstance(x, Tensor):
        return x
    x = x.value()
    return Tensor(x.data, x.type, x.device)


# ---- compiled functions --------------------------------------------------------------


def call(compiled: StatefulFunction, args: Any, kwargs: Any) -> Any:
    """Runs a call as ordinary Python: the same outputs, and the same changes of
    state."""
    leaves, structure = tree.flatten((args, kwargs))
    arguments = [
        x.value()
        if isinstance(x, Tensor)
        else tensor(x)
        if isinstance(x, np.ndarray)
        else x
        for x in leaves
    ]
    args, kwargs = tree.unflatten(structure, arguments)
    followed = dispatch.taped(x for x in arguments if isinstance(x, Tensor))
    if _local.depth or (followed and not compiled.state):
        return as_captured(compiled.f, *args, **kwargs)  # as within a capture
    with _outermost(compiled):
        if not compiled.state:
            return _results(compiled, as_captured(compiled.f, *args, **kwargs))
        cells = list(compiled.cells().values())
        with lock_of(cells):
            compiled.refuse_stand_ins(cells)
            return _with_state(compiled, cells, args, kwargs)


@contextmanager
def _outermost(compiled: StatefulFunction) -> Iterator[None]:
    found: dict[int, Generator] = {}
    for owner in compiled.owners:
        streams = owner.random_streams()
        found.update((id(g), g) for g in streams if isinstance(g, Generator))
    _local.depth, _local.generators = 1, list(found.values())
    try:
        yield
    finally:
        _local.depth, _local.generators = 0, []


def _with_state(
    compiled: StatefulFunction, cells: Sequence[Cell], args: Any, kwargs: Any
) -> Any:
    for owner in compiled.owners:
        owner.begin_capture()
    with as_call_state(cells) as written:
        out = as_captured(compiled.f, *args, **kwargs)
        leaves, structure = tree.flatten(out)  # a cell's value is of now
        leaves = [_untracked(x) for x in leaves]
        with dispatch.no_grad():
            for owner in compiled.owners:
                owner.end_capture()
        new = written()
    results = _results(compiled, tree.unflatten(structure, leaves), new.values())
    if not compiled.guard or results[1].item():
        by_id = {id(c): c for c in cells}
        for key, value in new.items():
            by_id[key].assign(value)
    return results


def _results(compiled: StatefulFunction, out: Any, new: Any = ()) -> Any:
    """The results as the compiled function gives them: tensors, and whether all is
    finite."""
    leaves, structure = tree.flatten(out)
    tensors = [x if isinstance(x, Tensor) else tensor(x) for x in leaves]
    out = tree.unflatten(structure, tensors)
    if not compiled.guard:
        return out
    with dispatch.no_grad():
        ok = all_finite([*(x for x in tensors if x.shape == ()), *new])
    return out, ok


def steps(
    compiled: StatefulFunction, rows: Callable[[int], Sequence[Any]], count: int
) -> Any:
    """Several calls in a row, as `Compiled.run_steps` makes them."""
    outputs: list[Any] = []
    structure: Any = None

    def results() -> Any:
        columns = zip(*outputs, strict=True)
        return tree.unflatten(structure, [stacked(list(c)) for c in columns])

    try:
        for i in range(count):
            leaves, structure = tree.flatten(call(compiled, rows(i), {}))
            outputs.append(leaves)
            if compiled.guard and not leaves[-1].item():
                break
    except KeyboardInterrupt as cause:
        if not outputs:
            raise
        message = f"{compiled.__name__}: after {len(outputs)} of {count} steps"
        raise StepsInterrupted(message, len(outputs), results()) from cause
    return results()


# ---- loops ---------------------------------------------------------------------------


def row(x: Tensor, i: int) -> Tensor:
    """x[i] along the leading axis."""
    return ops.reshape(cut(x, 0, i, i + 1), shape=x.shape[1:])


def stacked(rows: Sequence[Tensor]) -> Tensor:
    """Tensors of one type as one, along a new leading axis."""
    parts = [ops.reshape(x, shape=(1, *x.shape)) for x in rows]
    return parts[0] if len(parts) == 1 else ops.concat(*parts, axis=0)


def number_of(i: int) -> Tensor:
    """An iteration's number, which random keys fold in."""
    return literal(np.asarray(i), uint32)


def looped(
    name: str,
    body: Callable[..., list[Tensor]],
    leaves: Sequence[Tensor],
    mapped: Sequence[bool],
    size: int,
) -> list[Tensor]:
    """The outputs of each iteration, stacked: `body` gets its number and its rows."""
    per_iteration = []
    for i in same_draws(range(size)):
        rows = [row(x, i) if m else x for x, m in zip(leaves, mapped, strict=True)]
        per_iteration.append(as_captured(body, number_of(i), *rows))
    for outputs in per_iteration:
        _check_types(f"{name}: an output", outputs, per_iteration[0])
    return [stacked(column) for column in zip(*per_iteration, strict=True)]


def scanned(
    body: Callable[..., list[Tensor]],
    carry: Sequence[Tensor],
    sequences: Sequence[Tensor],
    count: int,
) -> tuple[list[Tensor], list[Tensor]]:
    """The last carry, and the other outputs of each iteration, stacked."""
    first, now, per_iteration = list(carry), list(carry), []
    for i in same_draws(range(count)):
        out = as_captured(body, *now, number_of(i), *(row(x, i) for x in sequences))
        now, ys = out[: len(first)], out[len(first) :]
        _check_types("scan: the carry", now, first)
        per_iteration.append(ys)
    return now, [stacked(column) for column in zip(*per_iteration, strict=True)]


def same_draws(numbers: range) -> Iterator[int]:
    """In a program a body draws at the same places in each iteration."""
    before = [g._draws for g in _local.generators]
    for i in numbers:
        for g, drawn in zip(_local.generators, before, strict=True):
            g._draws = drawn
        yield i


def _check_types(what: str, given: Sequence[Tensor], wanted: Sequence[Tensor]) -> None:
    for a, b in zip(given, wanted, strict=True):
        if a.type != b.type:
            raise ShapeError(
                f"{what} is {b.type} in one iteration and {a.type} in another"
            )
