"""Dropout as a layer."""

from __future__ import annotations

from ..arguments import between
from ..random import Generator, default_generator
from ..tensor import Tensor
from . import functional
from .module import Module


class _Dropout(Module):
    """The base of both kinds: a probability and a stream of random numbers."""

    def __init__(self, p: float = 0.5, generator: Generator | None = None) -> None:
        super().__init__()
        self.p: float = between(type(self).__name__, "p", p, 0.0, 1.0)
        self.generator: Generator | None = generator

    def generators(self) -> list[Generator]:
        return [self.generator or default_generator]

    def extra_repr(self) -> str:
        return f"p={self.p:g}"


class Dropout(_Dropout):
    """In training each element is 0 with probability p, else x / (1 − p);
    in evaluation x.

    generator   the stream of random numbers; nx's default one (nx.manual_seed) without.
                In compiled code it is state through the module: state=[model] is
                enough.

    >>> import neurenix as nx
    >>> nx.nn.Dropout(0.5).eval()(nx.ones(2)).tolist()
    [1.0, 1.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.p, self.training, self.generator)


class Dropout2d(_Dropout):
    """`Dropout` of whole channels of [N, C, ...].

    >>> import neurenix as nx
    >>> y = nx.nn.Dropout2d(0.5)(nx.ones(2, 8, 3, 3))
    >>> sorted(set(y.reshape(16, 9).var(1).tolist()))
    [0.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout2d(x, self.p, self.training, self.generator)
