"""Names of an artefact's inputs, outputs and weights."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import InvalidArgumentError
from ..state.cell import Cell
from ..state.protocol import as_state
from ..tensor import Tensor


def leaf_names(tree: Any, name: str) -> list[str]:
    """A name for each leaf of a tree, in the order of `tree.flatten`: the way to it,
    with dots.

    >>> leaf_names({"w": [1, 2], "b": None}, "layer")
    ['layer.w.0', 'layer.w.1']
    """
    return list(_leaf_names(tree, name))


def _leaf_names(tree: Any, name: str) -> Iterator[str]:
    if tree is None:
        return
    parts: Iterable[tuple[Any, Any]]
    if isinstance(tree, dict):
        parts = ((k, tree[k]) for k in sorted(tree))
    elif isinstance(tree, tuple) or type(tree) is list:
        fields = getattr(tree, "_fields", range(len(tree)))  # of a named tuple
        parts = zip(fields, tree, strict=True)
    else:
        yield name
        return
    for key, part in parts:
        yield from _leaf_names(part, f"{name}.{key}" if name else str(key))


def output_names(result: Any) -> list[str]:
    """Names of what a function returned: the keys of a dict, the fields of a named
    tuple, "output0", "output1" of a list or tuple, "output" of one tensor.

    >>> output_names((1, {"loss": 2}))
    ['output0', 'output1.loss']
    """
    if type(result) in (list, tuple):
        return [
            n for i, part in enumerate(result) for n in leaf_names(part, f"output{i}")
        ]
    return [n or "output" for n in leaf_names(result, "")]


def check_unique(what: str, names: Sequence[str]) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise InvalidArgumentError(
            f"export: two {what} have the name {twice[0]!r}; "
            "rename a key: a dot within one makes names alike"
        )


def apart(names: Iterable[str], taken: set[str]) -> dict[str, str]:
    """A name for each of `names`, unlike all others and those that are taken.

    >>> apart(["weight", "bias"], {"weight", "x"})
    {'weight': 'weight#2', 'bias': 'bias'}
    """
    wanted = list(dict.fromkeys(names))
    used = taken | set(wanted)
    return {n: _free(n, used) if n in taken else n for n in wanted}


def _free(wanted: str, used: set[str]) -> str:
    """The name, or the first of "name#2", "name#3", ... that is free; used from now."""
    name, number = wanted, 1
    while name in used:
        number += 1
        name = f"{wanted}#{number}"
    used.add(name)
    return name


def bound(
    entry: str, f: Callable[..., Any], examples: Any
) -> tuple[tuple[Any, ...], dict[str, Any], list[str]]:
    """The arguments and keyword arguments for f, and a name for each leaf of both.

    Raises InvalidArgumentError for examples that f does not take.
    """
    if isinstance(examples, Mapping):
        args, kwargs = (), dict(examples)
    elif type(examples) in (list, tuple):
        args, kwargs = tuple(examples), {}
    else:
        raise InvalidArgumentError(
            f"export: example_inputs of {entry} are a {type(examples).__name__}; "
            "expected a dict by the names of its parameters, or a tuple in their order"
        )
    signature = inspect.signature(getattr(f, "forward", f))
    try:
        call = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise InvalidArgumentError(
            f"export: {entry} takes {signature}, and example_inputs gives "
            f"{', '.join(kwargs) or len(args)}: {error}"
        ) from None
    return call.args, call.kwargs, _argument_names(signature, call)


def _argument_names(
    signature: inspect.Signature, call: inspect.BoundArguments
) -> list[str]:
    positional = [
        p.name
        for p in signature.parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    rest = [p.name for p in signature.parameters.values() if p.kind is p.VAR_POSITIONAL]
    more = len(call.args) - len(positional)
    positional += [f"{name}{i}" for name in rest for i in range(more)]
    parts = [
        *zip(positional, call.args),
        *((name, call.kwargs[name]) for name in sorted(call.kwargs)),
    ]
    return [leaf for name, value in parts for leaf in leaf_names(value, name)]


class WeightNames:
    """Gives each value that functions read from outside a name of its own.

    State cells are told apart by themselves, since they will differ; what is only read,
    by its buffer.
    """

    def __init__(self, state: Mapping[str, Cell]) -> None:
        self._names: dict[int, str] = {}
        self._kept: list[Any] = []  # so that no other object gets an id
        self._taken: set[str] = set(state)

    def know(self, owner: Any) -> None:
        """Names the cells of a module, an optimizer or another state by their paths."""
        state = as_state(owner)
        for path, cell in state.state_cells().items() if state else ():
            self._name(cell.data, path)

    def of(self, x: Tensor, hint: str) -> str:
        return self._name(x.data, hint)

    def _name(self, data: Any, wanted: str) -> str:
        if id(data) not in self._names:
            self._names[id(data)] = _free(wanted, self._taken)
            self._kept.append(data)
        return self._names[id(data)]
