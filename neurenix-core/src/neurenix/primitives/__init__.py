"""The closed set of operations. A family is a file; `primitive` says what each owes.

>>> from neurenix.primitives import BASIS, all_primitives
>>> len(BASIS), "add" in BASIS, "tanh" in BASIS
(27, True, False)
"""

from . import (
    along_axis,
    contraction,
    control,
    control_map,
    control_scan,
    convolution,
    elementwise_table,
    fused,
    indexing,
    linear_algebra,
    movement,
    parametric,
    reduction,
    sources,
)
from .primitive import (
    InBasis,
    Interpreter,
    NotBatchable,
    NotDifferentiable,
    Primitive,
    TensorType,
    all_primitives,
    basis,
    ops,
    set_interpreter,
)

#: What a backend must have: the names of the minimal basis. For all that it does not
#: declare, a program is rewritten in these before the backend sees it.
BASIS = basis()

__all__ = [
    "BASIS",
    "InBasis",
    "Interpreter",
    "NotBatchable",
    "NotDifferentiable",
    "Primitive",
    "TensorType",
    "all_primitives",
    "along_axis",
    "contraction",
    "control",
    "control_map",
    "control_scan",
    "convolution",
    "elementwise_table",
    "fused",
    "indexing",
    "linear_algebra",
    "movement",
    "parametric",
    "ops",
    "reduction",
    "set_interpreter",
    "sources",
]
