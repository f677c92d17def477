"""The primitive: one operation of the closed set, with its whole contract.

A rule (vjp, batch) is written with other primitives only, reached through `ops`, so
that derivatives of any order follow, and so that the families need not import each
other. What calling a primitive does is decided by the interpreter, which the layers
above register: primitives know neither tensors, programs nor devices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..dtypes import Dtype
from ..errors import NotBatchableError, NotDifferentiableError

Shape = tuple[int, ...]


class TensorType(NamedTuple):
    """A shape and a dtype: all that a rule may know of a value before it exists."""

    shape: Shape
    dtype: Dtype

    def __repr__(self) -> str:
        return f"{self.dtype.name}[{', '.join(map(str, self.shape))}]"

    @property
    def size(self) -> int:
        n = 1
        for d in self.shape:
            n *= d
        return n

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize


class Value(Protocol):
    """The value that a rule handles: a tensor, or (where a rule saves no inputs) its
    type."""

    @property
    def shape(self) -> Shape: ...
    @property
    def dtype(self) -> Dtype: ...


@dataclass(frozen=True)
class NotDifferentiable:
    """Stands in for a vjp rule, with the reason."""

    reason: str


@dataclass(frozen=True)
class NotBatchable:
    """Stands in for a batch rule, with the reason."""

    reason: str


@dataclass(frozen=True)
class InBasis:
    """Stands in for a decomposition: a backend must have this one; with the reason."""

    reason: str


class Interpreter(Protocol):
    def bind(
        self, primitive: Primitive, inputs: Sequence[Any], params: dict[str, Any]
    ) -> list[Any]: ...
    def literal(self, value: Any, dtype: Dtype) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class Traits:
    """The traits that passes may rely on, beside the family.

    cost         time for an element in additions, of an elementwise one; None for all
                 others, whose time depends on more than how many elements there are
    view         the elements of its one input, elsewhere: engines see other strides
    free         made of nothing, or a view: making it again costs less than keeping it
    mask         a comparison: where what it compares is there, as cheap to make again
                 as to read
    associative  a reduction of any two values into one of their kind; over no axes it
                 is its input
    """

    cost: float | None
    view: bool = False
    free: bool = False
    mask: bool = False
    associative: bool = False


#: Of what no pass treats in a way of its own.
PLAIN = Traits(cost=None)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Primitive:
    """One operation.

    infer      (input types, **params) -> output types; raises ShapeError, DtypeError
    reference  (arrays, **params) -> list of arrays: NumPy, the oracle of every test
    vjp        (needed, cotangents, inputs, outputs, **params) -> one cotangent or None
               for each input; None in `cotangents` and in the result is a zero that
               nobody computes
    batch      (values, flags, **params) -> outputs; a flagged value, and every output,
               has the batch as its leading axis
    decomposition
               (*inputs, **params) -> what calling the primitive gives, made of others:
               for devices that lack it. Each of those is decomposed in its turn, and
               all end in the basis
    saves      which values the vjp rule reads: "i" inputs, "o" outputs, "io" or "".
               Of the others it gets only the type.
    family     "elementwise", "reduction", ...: what has one kind of iteration, and is
               lowered alike
    traits     what else passes may rely on
    """

    name: str
    opcode: int
    family: str
    traits: Traits
    infer: Callable[..., Sequence[TensorType]]
    reference: Callable[..., list[np.ndarray[Any, Any]]]
    vjp: Callable[..., Sequence[Any]] | NotDifferentiable
    batch: Callable[..., Sequence[Any]] | NotBatchable
    decomposition: Callable[..., Any] | InBasis
    saves: str = ""
    many: bool = False

    def __repr__(self) -> str:
        return self.name

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        outputs = _interpreter[0].bind(self, inputs, params)
        return outputs if self.many else outputs[0]

    def pull_back(
        self,
        needed: Sequence[bool],
        cotangents: Sequence[Any],
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        params: dict[str, Any],
    ) -> Sequence[Any]:
        if isinstance(self.vjp, NotDifferentiable):
            raise NotDifferentiableError(
                f"{self.name} has no derivative: {self.vjp.reason}"
            )
        return self.vjp(needed, cotangents, inputs, outputs, **params)

    def batched(
        self, values: Sequence[Any], flags: Sequence[bool], params: dict[str, Any]
    ) -> Sequence[Any]:
        if isinstance(self.batch, NotBatchable):
            raise NotBatchableError(
                f"vmap cannot batch {self.name}: {self.batch.reason}"
            )
        return self.batch(values, flags, **params)


@dataclass
class _Namespace:
    """The primitives by name: `ops.add`."""

    table: dict[str, Primitive] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Primitive:
        try:
            return self.table[name]
        except KeyError:
            raise AttributeError(f"there is no primitive {name!r}") from None


ops = _Namespace()
_by_opcode: dict[int, Primitive] = {}
_interpreter: list[Interpreter] = []


def register(primitive: Primitive) -> Primitive:
    """Add a primitive to the closed set; its name and opcode must be new."""
    if primitive.name in ops.table or primitive.opcode in _by_opcode:
        raise ValueError(
            f"primitive {primitive.name} ({primitive.opcode}) is there already"
        )
    ops.table[primitive.name] = primitive
    setattr(ops, primitive.name, primitive)  # found at once, without __getattr__
    _by_opcode[primitive.opcode] = primitive
    return primitive


def all_primitives() -> tuple[Primitive, ...]:
    return tuple(ops.table.values())


def basis() -> tuple[str, ...]:
    """The names of what a backend must have, in the order of their opcodes."""
    must = [p for p in all_primitives() if isinstance(p.decomposition, InBasis)]
    return tuple(p.name for p in sorted(must, key=lambda p: p.opcode))


def set_interpreter(interpreter: Interpreter) -> None:
    """Called once by the layer above: from then on primitives can be called."""
    _interpreter[:] = [interpreter]


def literal(value: Any, dtype: Dtype) -> Any:
    """A constant that belongs to no device: a number or a small array in a rule."""
    return _interpreter[0].literal(value, dtype)
