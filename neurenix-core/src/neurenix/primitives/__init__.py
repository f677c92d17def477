"""The closed set of operations. A family is a file; `base` says what each owes."""

from . import (
    contraction,
    control,
    convolution,
    elementwise,
    fused,
    indexing,
    movement,
    reduction,
    sources,
)
from .base import (
    Interpreter,
    NotBatchable,
    NotDifferentiable,
    Primitive,
    TensorType,
    all_primitives,
    ops,
    set_interpreter,
)

__all__ = [
    "Interpreter",
    "NotBatchable",
    "NotDifferentiable",
    "Primitive",
    "TensorType",
    "all_primitives",
    "contraction",
    "control",
    "convolution",
    "elementwise",
    "fused",
    "indexing",
    "movement",
    "ops",
    "reduction",
    "set_interpreter",
    "sources",
]
