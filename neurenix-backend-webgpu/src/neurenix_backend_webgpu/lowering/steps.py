"""The kernels that each instruction of a plan becomes, in the order they run in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neurenix.phynexus.plan.instructions import NAMES
from neurenix.phynexus.plan.plan import Step

from . import (
    convolutions,
    cumsum,
    factors,
    fused,
    indexing,
    products,
    scattering,
    sorting,
    sources,
)
from .accumulators import REDUCTIONS
from .kernel import Kernel
from .scalar import ELEMENTWISE

Lower = Callable[[Step, Any], list[Kernel]]
KERNELS: dict[str, Lower] = {
    "fused": fused.fused,
    "copy": fused.copy,
    "iota": sources.iota,
    "random_bits": sources.random_bits,
    "dot_general": products.dot_general,
    "conv_general": convolutions.conv_general,
    "conv_input_gradient": convolutions.conv_input_gradient,
    "conv_weight_gradient": convolutions.conv_weight_gradient,
    "gather": indexing.gather,
    "scatter": scattering.scatter,
    "scatter_add": scattering.scatter_add,
    "argmax": fused.argmax,
    "cumsum": cumsum.cumsum,
    "sort": sorting.sort,
    "cholesky": factors.cholesky,
    "triangular_solve": factors.triangular_solve,
    "lu": factors.lu,
}

# Movement is strides and offsets by then, or copies.
_NO_STEP = frozenset(
    [
        *("reshape", "transpose", "broadcast", "pad", "slice", "flip", "concat"),
        *("constant", "barrier", "stop_gradient"),
    ]
)

#: What programs may have; all else comes decomposed.
PRIMITIVES = (ELEMENTWISE | REDUCTIONS | _NO_STEP | set(KERNELS)) - {"copy"}


def kernels_of(step: Step) -> list[Kernel]:
    return KERNELS[NAMES[step.opcode]](step, step.params)
