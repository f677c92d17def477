"""Modules as functions: the output for given parameters, and what became of the
buffers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidArgumentError, ShapeError
from ..functions import reduction
from ..state.stand_ins import substituted
from ..tensor import Tensor, tensor
from .module import Module


def functional_call(
    module: Module, params: Mapping[str, Any], *args: Any, **kwargs: Any
) -> tuple[Any, dict[str, Tensor]]:
    """module(*args, **kwargs), with these tensors in place of what has their names.

    params   tensors by the names of `named_parameters()` and `named_buffers()`; what is
             left out keeps the module's own value

    Returns the output, and the new values of those buffers that the call has changed,
    by name. The module itself is not changed. Both are differentiable with respect to
    the given tensors, to any order, and within nx.map, nx.vmap, nx.scan and nx.compile.

    Raises InvalidArgumentError for a name that the module has not, ShapeError for a
    tensor of another shape or dtype.

    >>> import neurenix as nx
    >>> layer, x = nx.nn.Linear(2, 1, bias=False), nx.tensor([[3.0, 4.0]])
    >>> def loss(params):
    ...     output, buffers = nx.nn.functional_call(layer, params, x)
    ...     return output.sum()
    >>> nx.grad(loss)({"weight": nx.ones(1, 2)})["weight"].tolist()
    [[3.0, 4.0]]
    """
    if not isinstance(module, Module):
        raise InvalidArgumentError(f"functional_call: {module!r} is no nn.Module")
    cells = module.named_cells()
    buffers = dict(module.named_buffers())
    unknown = [name for name in params if name not in cells]
    if unknown:
        raise InvalidArgumentError(
            f"functional_call: {type(module).__name__} "
            f"has no {', '.join(map(repr, unknown))}; "
            f"it has {', '.join(cells) or 'no parameters'}"
        )
    given = {
        n: v if isinstance(v, Tensor) else tensor(v, dtype=cells[n].dtype)
        for n, v in params.items()
    }
    for n, v in given.items():
        if v.type != cells[n].type:
            raise ShapeError(
                f"{cells[n].name or 'a cell'} holds {cells[n].type}; "
                f"{v.type} cannot stand in for it"
            )
    # buffers that were not given stand in for themselves, so that writes stay in here
    values = {**{n: b.value() for n, b in buffers.items()}, **given}
    with substituted([cells[n] for n in values], list(values.values())):
        before = {n: b.data for n, b in buffers.items()}
        output = module(*args, **kwargs)
        updated = {n: b.value() for n, b in buffers.items() if b.data is not before[n]}
    return output, updated


def reduced_buffers(module: Module, stacked: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Buffers of several tasks as the module's own, each by its declared reduction.

    stacked   by name, each of shape [tasks, ...]: what a mapped `functional_call`
              returned

    Returns, by name, the mean over the tasks; those to "discard" are left out.
    """
    buffers = dict(module.named_buffers())
    found: dict[str, Tensor] = {}
    for name, value in stacked.items():
        if name not in buffers:
            raise InvalidArgumentError(
                f"reduced_buffers: {type(module).__name__} has no buffer {name!r}"
            )
        buffer = buffers[name]
        if value.shape[1:] != buffer.shape or not value.ndim:
            raise ShapeError(
                f"reduced_buffers: {name} has shape {buffer.shape}, "
                f"so [tasks, ...] of it, not {value.shape}"
            )
        if buffer.reduction == "mean":
            found[name] = reduction.mean(value, 0).to(buffer.dtype)
    return found


def assign_buffers(module: Module, values: Mapping[str, Tensor]) -> None:
    """Give buffers new values, by name."""
    buffers = dict(module.named_buffers())
    unknown = [name for name in values if name not in buffers]
    if unknown:
        raise InvalidArgumentError(
            f"assign_buffers: {type(module).__name__} "
            f"has no buffer {', '.join(unknown)}"
        )
    for name, value in values.items():
        buffers[name].assign(value)
