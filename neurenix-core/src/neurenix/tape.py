"""The parts of the tape: leaves, where it ends, and a node for each operation.

`autograd` walks it; `interpreter` writes it.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from .primitives import Primitive

T = TypeVar("T")  # of tensors, which know the tape


class Leaf(Generic[T]):
    """The tape's end at a tensor that requires grad; `backward` leaves its result."""

    __slots__ = ("__weakref__", "grad")

    def __init__(self) -> None:
        self.grad: T | None = None


class Node:
    """One recorded operation. It refers to what came before it and to data, never to
    the tensors that it made: nothing here can form a circle."""

    __slots__ = (
        "__weakref__",
        "device",
        "edges",
        "inputs",
        "outputs",
        "params",
        "primitive",
        "source",
        "types",
    )

    def __init__(
        self,
        primitive: Primitive | None,
        inputs: Any,
        params: Any,
        outputs: Any,
        types: Any,
        edges: Any,
        device: Any,
        source: str | None,
    ) -> None:
        # None: an identity, the start of an inner derivative
        self.primitive = primitive
        self.inputs = inputs
        self.params = params
        self.outputs = outputs
        self.types = types
        self.edges = edges
        self.device = device
        self.source = source
