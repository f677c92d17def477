"""Summary: a network's layers, the shapes that they give, and their parameters."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..dispatch import no_grad
from ..errors import InvalidArgumentError
from ..functions.creation import zeros
from ..tensor import Tensor, tensor
from .modes import mode
from .module import Module
from .parameter import Buffer, Parameter


@dataclass(frozen=True)
class Layer:
    """A row of a `Summary`.

    name         its path in the module; "" of the module itself
    kind         its class
    outputs      the shapes that it gave, each once; empty if it was not called
    parameters   elements of its own parameters, without those of modules in it
    trainable    those of them that are not frozen
    bytes        of its own parameters and buffers
    """

    name: str
    kind: str
    outputs: tuple[tuple[int, ...], ...]
    parameters: int
    trainable: int
    bytes: int


@dataclass(frozen=True)
class Summary:
    """What `summary` returns; printed, it is a table.

    layers   the module itself, then all below it in the order of `named_modules`
    """

    layers: tuple[Layer, ...]

    @property
    def parameters(self) -> int:
        """Elements of all parameters; one that is shared counts once."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def trainable(self) -> int:
        """Elements of the parameters that are not frozen."""
        return sum(layer.trainable for layer in self.layers)

    @property
    def bytes(self) -> int:
        """Of all parameters and buffers."""
        return sum(layer.bytes for layer in self.layers)

    def __str__(self) -> str:
        rows = [["layer", "output", "parameters"]]
        for layer in self.layers:
            depth = layer.name.count(".") + 1 if layer.name else 0
            name = layer.name.rpartition(".")[2]
            shown = f"{name}: {layer.kind}" if name else layer.kind
            shapes = " | ".join(str([*shape]) for shape in layer.outputs)
            count = f"{layer.parameters:,}" if layer.parameters else ""
            rows.append([f"{'  ' * depth}{shown}", shapes, count])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            f"{a:{widths[0]}}  {b:{widths[1]}}  {c:>{widths[2]}}".rstrip()
            for a, b, c in rows
        ]
        frozen = self.parameters - self.trainable
        told = f", {frozen:,} of them frozen" if frozen else ""
        end = (
            f"{self.parameters:,} parameters{told}; {in_units(self.bytes)} with buffers"
        )
        return "\n".join([*lines, end])


def summary(module: Module, *inputs: object) -> Summary:
    """A table of a module's layers: what each gives, and how many parameters it has.

    inputs   what the module is called with: tensors or arrays, or shapes with the batch
             in them, (1, 3, 84, 84), for which zeros stand in. None: no shapes of
             outputs

    The module is run once, in evaluation and without gradients, as a copy of it: it
    stays as it is. Raises InvalidArgumentError for what is no module, no shape and no
    array; and whatever the module raises.

    >>> from neurenix import nn
    >>> net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> print(nn.summary(net, (5, 3)))
    layer        output  parameters
    Sequential   [5, 2]
      0: Linear  [5, 8]          32
      1: ReLU    [5, 8]
      2: Linear  [5, 2]          18
    50 parameters; 200 B with buffers
    """
    if not isinstance(module, Module):
        raise InvalidArgumentError(
            f"summary: {type(module).__name__}; expected a neurenix.nn.Module"
        )
    found: dict[str, list[tuple[int, ...]]] = {}
    if inputs:
        arguments = [_input(module, value) for value in inputs]
        twin = copy.deepcopy(module)
        for name, part in twin.named_modules():
            vars(part)["forward"] = _noting(part.forward, found.setdefault(name, []))
        with mode(twin, training=False), no_grad():
            twin(*arguments)
    seen: set[int] = set()
    return Summary(
        tuple(
            _layer(name, part, tuple(dict.fromkeys(found.get(name, []))), seen)
            for name, part in module.named_modules()
        )
    )


def _noting(
    forward: Callable[..., Any], shapes: list[tuple[int, ...]]
) -> Callable[..., Any]:
    def noted(*args: Any, **kwargs: Any) -> Any:
        output = forward(*args, **kwargs)
        shapes.extend(_shapes(output))
        return output

    return noted


def _shapes(output: object) -> Iterator[tuple[int, ...]]:
    if isinstance(output, Tensor):
        yield output.shape
    elif isinstance(output, dict):
        yield from _shapes(tuple(output.values()))
    elif isinstance(output, (list, tuple)):
        for part in output:
            yield from _shapes(part)


def _input(module: Module, value: object) -> Tensor:
    if isinstance(value, Tensor):
        return value
    if isinstance(value, np.ndarray):
        return tensor(value)
    sizes = value if isinstance(value, (list, tuple)) else ()
    if sizes and all(type(n) is int and n > 0 for n in sizes):
        kinds = (p.dtype for p in module.parameters() if p.dtype.is_floating)
        return zeros(*sizes, dtype=next(kinds, None))
    raise InvalidArgumentError(
        f"summary: the input {value!r}; expected a tensor, an array, or a shape of "
        "whole numbers with the batch in it, like (1, 3, 84, 84)"
    )


def _layer(
    name: str, part: Module, outputs: tuple[tuple[int, ...], ...], seen: set[int]
) -> Layer:
    own = [
        cell
        for _, cell in [*part._own(Parameter), *part._own(Buffer)]
        if id(cell) not in seen
    ]
    seen.update(map(id, own))
    parameters = [cell for cell in own if isinstance(cell, Parameter)]
    return Layer(
        name,
        type(part).__name__,
        outputs,
        sum(p.size for p in parameters),
        sum(p.size for p in parameters if p.requires_grad),
        sum(cell.size * cell.dtype.itemsize for cell in own),
    )


def in_units(count: int) -> str:
    """Bytes in the largest unit of 1024 that keeps a digit before the point.

    >>> in_units(200), in_units(3 * 2**20 + 2**19)
    ('200 B', '3.5 MiB')
    """
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{count} B" if units[0] == "B" else f"{value:.1f} {units[0]}"
