"""Containers: modules in a row, and modules that change only shapes or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, overload

from ..arguments import whole
from ..errors import InvalidArgumentError
from ..functions.shape import flatten, unflatten
from ..tensor import Tensor
from .module import Module


class Sequential(Module):
    """Modules, each given what the one before returns: Sequential(a, b) or
    Sequential([a, b]). They can be indexed, sliced, counted and iterated, replaced
    (`net[2] = nn.Linear(4, 3)`) and appended to.

    Raises InvalidArgumentError for what is no module, and an index that is none.

    >>> import neurenix as nx
    >>> net = nx.nn.Sequential([nx.nn.Linear(1, 4), nx.nn.ReLU(), nx.nn.Linear(4, 1)])
    >>> net(nx.ones(2, 1)).shape, len(net), net[1]
    ((2, 1), 3, ReLU())
    """

    def __init__(self, *layers: Any) -> None:
        super().__init__()
        if len(layers) == 1 and isinstance(layers[0], (list, tuple)):
            layers = tuple(layers[0])
        for i, layer in enumerate(layers):
            setattr(self, str(i), _module(i, layer))

    def forward(self, x: Any) -> Any:
        for layer in self:
            x = layer(x)
        return x

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[Module]:
        return (layer for name, layer in vars(self).items() if name.isdecimal())

    @overload
    def __getitem__(self, index: int) -> Any: ...  # each kind has attributes of its own
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    def __getitem__(self, index: int | slice) -> Any:
        """One of them, or a Sequential of several, which shares them."""
        layers = list(self)
        if isinstance(index, slice):
            return Sequential(layers[index])
        return layers[self._place(index)]

    def __setitem__(self, index: int, layer: Module) -> None:
        place = self._place(index)
        names = [name for name in vars(self) if name.isdecimal()]
        setattr(self, names[place], _module(index, layer))

    def append(self, layer: Module) -> Sequential:
        """With one more at the end; returns itself."""
        last = max((int(n) for n in vars(self) if n.isdecimal()), default=-1)
        setattr(self, str(last + 1), _module(len(self), layer))
        return self

    def _place(self, index: int) -> int:
        count = len(self)
        if not -count <= index < count:
            raise InvalidArgumentError(f"Sequential: item {index} of {count}")
        return index % count


def _module(index: int, layer: Any) -> Module:
    if not isinstance(layer, Module):
        raise InvalidArgumentError(
            f"Sequential: item {index} is a {type(layer).__name__}, not an nn.Module"
        )
    return layer


class Flatten(Module):
    """The axes from start_dim to end_dim as one; by default all but the first.

    >>> import neurenix as nx
    >>> nx.nn.Flatten()(nx.ones(2, 3, 4)).shape
    (2, 12)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim: int = whole("Flatten", "start_dim", start_dim)
        self.end_dim: int = whole("Flatten", "end_dim", end_dim)

    def forward(self, x: Tensor) -> Tensor:
        return flatten(x, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """One axis as several: the reverse of `Flatten`; one of the sizes may be -1.

    >>> import neurenix as nx
    >>> nx.nn.Unflatten(1, (3, 4))(nx.ones(2, 12)).shape
    (2, 3, 4)
    """

    def __init__(self, dim: int, unflattened_size: tuple[int, ...]) -> None:
        super().__init__()
        self.dim: int = dim
        self.unflattened_size = tuple(unflattened_size)

    def forward(self, x: Tensor) -> Tensor:
        return unflatten(x, self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


class Identity(Module):
    """Returns its input."""

    def forward(self, x: Any) -> Any:
        return x
