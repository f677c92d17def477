"""dot_general: the product that sums over any axes and runs along any others.

The output has the batch axes first, then the free axes of lhs, then those of rhs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DtypeError, ShapeError
from .broadcasting import same_dtype
from .primitive import (
    PLAIN,
    InBasis,
    Primitive,
    Shape,
    TensorType,
    Value,
    ops,
    register,
)
from .shorthands import move_axis


def free_axes(rank: int, contract: Shape, batch: Shape) -> Shape:
    return tuple(i for i in range(rank) if i not in contract and i not in batch)


def _infer(
    types: Sequence[Value],
    lhs_contract: Shape,
    rhs_contract: Shape,
    lhs_batch: Shape,
    rhs_batch: Shape,
) -> list[TensorType]:
    lhs, rhs = types
    dtype = same_dtype("dot_general", types)
    if dtype.kind == "bool":
        raise DtypeError("dot_general takes numbers, not bool")
    pairs = (
        *zip(lhs_contract, rhs_contract, strict=True),
        *zip(lhs_batch, rhs_batch, strict=True),
    )
    for i, j in pairs:
        if lhs.shape[i] != rhs.shape[j]:
            raise ShapeError(
                f"matrix product: shapes {lhs.shape} and {rhs.shape} differ "
                f"where axis {i} meets axis {j}: {lhs.shape[i]} and {rhs.shape[j]}"
            )
    shape = tuple(lhs.shape[i] for i in lhs_batch)
    shape += tuple(
        lhs.shape[i] for i in free_axes(len(lhs.shape), lhs_contract, lhs_batch)
    )
    shape += tuple(
        rhs.shape[i] for i in free_axes(len(rhs.shape), rhs_contract, rhs_batch)
    )
    return [TensorType(shape, dtype)]


def _reference(
    a: Any,
    b: Any,
    lhs_contract: Shape,
    rhs_contract: Shape,
    lhs_batch: Shape,
    rhs_batch: Shape,
) -> list[Any]:
    names = iter(range(64))
    left, right = [0] * a.ndim, [0] * b.ndim
    for i, j in (
        *zip(lhs_batch, rhs_batch, strict=True),
        *zip(lhs_contract, rhs_contract, strict=True),
    ):
        left[i] = right[j] = next(names)
    free_left = free_axes(a.ndim, lhs_contract, lhs_batch)
    free_right = free_axes(b.ndim, rhs_contract, rhs_batch)
    for i in free_left:
        left[i] = next(names)
    for j in free_right:
        right[j] = next(names)
    out = (
        [left[i] for i in lhs_batch]
        + [left[i] for i in free_left]
        + [right[j] for j in free_right]
    )
    with np.errstate(all="ignore"):  # an engine says nothing of infinities either
        product = np.asarray(np.einsum(a, left, b, right, out, optimize=True))
    return [product.astype(a.dtype, copy=False)]


def _side(
    g: Any,
    other: Any,
    wanted: Sequence[Any],
    other_labels: Sequence[Any],
    g_labels: Sequence[Any],
) -> Any:
    """The product of g and other over the labels that `wanted` lacks, in its order.

    The order of the operands is chosen so that a transpose is seldom needed.
    """
    batch = [n for n in g_labels if n in other_labels and n in wanted]
    summed = [n for n in g_labels if n in other_labels and n not in wanted]
    from_g = [n for n in g_labels if n not in other_labels]
    from_other = [n for n in other_labels if n not in g_labels]

    def product(x: Any, x_labels: Any, y: Any, y_labels: Any) -> Any:
        return ops.dot_general(
            x,
            y,
            lhs_contract=_positions(x_labels, summed),
            rhs_contract=_positions(y_labels, summed),
            lhs_batch=_positions(x_labels, batch),
            rhs_batch=_positions(y_labels, batch),
        )

    if batch + from_other + from_g == list(wanted):
        return product(other, other_labels, g, g_labels)
    result = product(g, g_labels, other, other_labels)
    labels = batch + from_g + from_other
    if labels == list(wanted):
        return result
    return ops.transpose(result, permutation=_positions(labels, wanted))


def _positions(labels: Sequence[Any], names: Sequence[Any]) -> Shape:
    return tuple(labels.index(n) for n in names)


def _vjp(
    needed: Sequence[bool],
    gs: Any,
    inputs: Any,
    outputs: Any,
    lhs_contract: Shape,
    rhs_contract: Shape,
    lhs_batch: Shape,
    rhs_batch: Shape,
) -> list[Any]:
    lhs, rhs = inputs
    left: list[Any] = [("m", i) for i in range(len(lhs.shape))]
    right: list[Any] = [("n", i) for i in range(len(rhs.shape))]
    for i, j in (
        *zip(lhs_batch, rhs_batch, strict=True),
        *zip(lhs_contract, rhs_contract, strict=True),
    ):
        right[j] = left[i]
    out = [left[i] for i in lhs_batch]
    out += [left[i] for i in free_axes(len(left), lhs_contract, lhs_batch)]
    out += [right[j] for j in free_axes(len(right), rhs_contract, rhs_batch)]
    return [
        _side(gs[0], rhs, left, right, out) if needed[0] else None,
        _side(gs[0], lhs, right, left, out) if needed[1] else None,
    ]


def _behind(axes: Shape, batched: bool) -> Shape:
    """The same axes, behind a new leading one if there is one."""
    return tuple(a + 1 for a in axes) if batched else axes


def _batch(
    values: Sequence[Any],
    flags: Sequence[bool],
    lhs_contract: Shape,
    rhs_contract: Shape,
    lhs_batch: Shape,
    rhs_batch: Shape,
) -> list[Any]:
    lhs, rhs = values
    lc, rc = _behind(lhs_contract, flags[0]), _behind(rhs_contract, flags[1])
    lb, rb = _behind(lhs_batch, flags[0]), _behind(rhs_batch, flags[1])
    if all(flags):
        return [
            ops.dot_general(
                lhs,
                rhs,
                lhs_contract=lc,
                rhs_contract=rc,
                lhs_batch=(0, *lb),
                rhs_batch=(0, *rb),
            )
        ]
    out = ops.dot_general(
        lhs, rhs, lhs_contract=lc, rhs_contract=rc, lhs_batch=lb, rhs_batch=rb
    )
    # the batch became a free axis: the first of lhs's, or of rhs's
    where = len(lb) if flags[0] else len(lhs.shape) - len(lc)
    return [move_axis(out, where, 0)]


dot_general = register(
    Primitive(
        name="dot_general",
        opcode=80,
        family="contraction",
        traits=PLAIN,
        infer=_infer,
        reference=_reference,
        vjp=_vjp,
        batch=_batch,
        decomposition=InBasis(
            "by products and a sum it takes the memory of all products"
        ),
        saves="i",
    )
)
