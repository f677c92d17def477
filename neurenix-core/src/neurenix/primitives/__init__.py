"""The closed set of operations. A family is a file; `base` says what each owes."""

from . import (
    along_axis,
    contraction,
    control,
    convolution,
    elementwise,
    fused,
    indexing,
    linear_algebra,
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
    "along_axis",
    "contraction",
    "control",
    "convolution",
    "elementwise",
    "fused",
    "indexing",
    "linear_algebra",
    "movement",
    "ops",
    "reduction",
    "set_interpreter",
    "sources",
]
