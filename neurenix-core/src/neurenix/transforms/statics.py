"""The arguments of a compiled function: which of them are tensors, and what a program
depends on of the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..attributes import SCALARS, static_key
from ..errors import InvalidArgumentError
from ..state.cell import Cell
from ..state.protocol import as_state
from ..tensor import Tensor, tensor

_ARGUMENTS = (*SCALARS, np.bool_, np.number, bytes)
_TENSORS = (Tensor, np.ndarray)


def key_of_argument(
    name: str, x: Any, tensors: list[Tensor], of_callable: Callable[[Any], Any]
) -> Any:
    """The key of an argument, which may be a tree: its structure, the types of its
    tensors, its static values, and what `of_callable` says of its functions. The
    tensors join `tensors`.

    Raises InvalidArgumentError, naming the function, for any other value.
    """
    leaves, structure = tree.flatten(x)
    key: list[Any] = [structure]
    for leaf in leaves:
        if isinstance(leaf, Tensor):
            tensors.append(leaf.value())
            key.append(leaf.type)
        elif isinstance(leaf, np.ndarray):
            tensors.append(tensor(leaf))
            key.append(tensors[-1].type)
        elif isinstance(leaf, _ARGUMENTS):
            key.append(static_key(leaf))
        elif callable(leaf):
            key.append((callable, of_callable(leaf)))
        else:
            raise InvalidArgumentError(
                f"{name}: an argument of type {type(leaf).__name__} "
                "is neither a tensor nor a static value"
            )
    # a tensor by itself has no structure, whichever class it is of
    return key[1] if structure == tree.LEAF else tuple(key)


def with_tensors(
    args: Any, kwargs: Any, tensors: Sequence[Tensor]
) -> tuple[Any, dict[str, Any]]:
    """The arguments with these in place of their tensors, in order."""
    leaves, structure = tree.flatten((args, kwargs))
    rest = iter(tensors)
    found = [next(rest) if isinstance(x, _TENSORS) else x for x in leaves]
    replaced = tree.unflatten(structure, found)
    return replaced[0], replaced[1]


def name_around(f: Any, x: Tensor) -> str:
    """The name by which the function knows a tensor from outside."""
    if isinstance(x, Cell) and x.name:
        return repr(x.name)
    code = getattr(f, "__code__", None)
    closure = (
        dict(zip(code.co_freevars, f.__closure__ or (), strict=False)) if code else {}
    )
    candidates = {
        name: cell.cell_contents for name, cell in closure.items() if _filled(cell)
    }
    if code:
        candidates.update(
            {n: f.__globals__[n] for n in code.co_names if n in f.__globals__}
        )
    for name, value in candidates.items():
        if isinstance(value, Tensor) and value.data is x.data:
            return repr(name)
        owner = as_state(value)
        for inner, cell in owner.state_cells().items() if owner else ():
            if cell.data is x.data:
                return repr(f"{name}.{inner}")
    return "a tensor"


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
