"""Matrix products and convolutions as nodes.

A task's own weights are a group of a convolution. The gradient of a convolution's input
is a ConvTranspose, the gradient of its weights a Conv of both with their first two axes
exchanged, the stride as its dilation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...primitives.contraction import free_axes
from ...program import Instruction
from .elementwise import narrow, wide
from .graph import Graph
from .rules import dtype_of, param, result_shape, rule, shape_of


@rule("dot_general")
def _dot(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    left, right = shape_of(i, 0), shape_of(i, 1)
    lc, rc, lb, rb = (
        param(i, n) for n in ("lhs_contract", "rhs_contract", "lhs_batch", "rhs_batch")
    )
    dtype = dtype_of(i)
    if 0 in (*left, *right):
        return g.full(result_shape(i), 0, dtype)
    a, b = (wide(g, x, dtype) for x in inputs)
    lf, rf = free_axes(len(left), lc, lb), free_axes(len(right), rc, rb)
    batch = tuple(left[n] for n in lb)
    m, n, k = (
        math.prod(shape[axis] for axis in axes)
        for shape, axes in ((left, lf), (right, rf), (left, lc))
    )
    a = _matrix(g, a, left, (*lb, *lf, *lc), (*batch, m, k))
    b = _matrix(g, b, right, (*rb, *rc, *rf), (*batch, k, n))
    out = g.add("MatMul", a, b)
    return narrow(g, g.reshape(out, (*batch, m, n), result_shape(i)), dtype)


def _matrix(
    g: Graph, x: str, shape: Sequence[int], order: Sequence[int], new: Sequence[int]
) -> str:
    return g.reshape(g.transpose(x, order), [shape[axis] for axis in order], new)


# ---- convolutions --------------------------------------------------------------------


def _grouped(g: Graph, x: str, shape: Sequence[int], batch: int, images: bool) -> str:
    """[b.., N, C, H, W] -> [N, b·C, H, W] of images; [b.., O, C, ..] -> [b·O, C, ..] of
    weights."""
    if not batch:
        return x
    count, (first, second, height, width) = math.prod(shape[:batch]), shape[batch:]
    if not images:
        return g.reshape(x, shape, (count * first, second, height, width))
    apart = (count, first, second, height, width)
    x = g.transpose(g.reshape(x, shape, apart), (1, 0, 2, 3, 4))
    moved = (first, count, second, height, width)
    return g.reshape(x, moved, (first, count * second, height, width))


def _ungrouped(g: Graph, x: str, shape: Sequence[int], batch: int) -> str:
    """[N, b·C, H, W] -> [b.., N, C, H, W], the shape that is given."""
    if not batch:
        return x
    count, (first, second, height, width) = math.prod(shape[:batch]), shape[batch:]
    merged = (first, count * second, height, width)
    apart = (first, count, second, height, width)
    x = g.transpose(g.reshape(x, merged, apart), (1, 0, 2, 3, 4))
    return g.reshape(x, (count, first, second, height, width), shape)


def _pads(i: Instruction) -> list[int]:
    (top, bottom), (left, right) = param(i, "padding")
    return [top, left, bottom, right]


@rule("conv_general")
def _conv(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    batch, shape = param(i, "batch"), shape_of(i, 0)
    if 0 in (*shape, *shape_of(i, 1)):
        return g.full(result_shape(i), 0, dtype_of(i))
    out = g.add(
        "Conv",
        _grouped(g, inputs[0], shape, batch, True),
        _grouped(g, inputs[1], shape_of(i, 1), batch, False),
        group=math.prod(shape[:batch]),
        strides=list(param(i, "stride")),
        dilations=list(param(i, "dilation")),
        pads=_pads(i),
    )
    return _ungrouped(g, out, result_shape(i), batch)


@rule("conv_input_gradient")
def _input_gradient(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    batch, shape, result = param(i, "batch"), shape_of(i, 0), result_shape(i)
    if 0 in (*shape, *shape_of(i, 1), *result):
        return g.full(result, 0, dtype_of(i))
    stride, dilation = param(i, "stride"), param(i, "dilation")
    pads = _pads(i)
    reached = [  # how far the windows came in the padded image
        (n - 1) * s + d * (k - 1) + 1
        for n, s, d, k in zip(
            shape[-2:], stride, dilation, shape_of(i, 1)[-2:], strict=True
        )
    ]
    rest = [
        result[-2 + axis] + pads[axis] + pads[2 + axis] - reached[axis]
        for axis in (0, 1)
    ]
    out = g.add(
        "ConvTranspose",
        _grouped(g, inputs[0], shape, batch, True),
        _grouped(g, inputs[1], shape_of(i, 1), batch, False),
        group=math.prod(shape[:batch]),
        strides=list(stride),
        dilations=list(dilation),
        pads=pads,
        output_padding=rest,
    )
    return _ungrouped(g, out, result, batch)


@rule("conv_weight_gradient")
def _weight_gradient(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    batch, result = param(i, "batch"), result_shape(i)
    if 0 in (*shape_of(i, 0), *shape_of(i, 1), *result):
        return g.full(result, 0, dtype_of(i))
    turned = []
    for x, shape in zip(inputs, (shape_of(i, 0), shape_of(i, 1)), strict=True):
        order = (*range(batch), batch + 1, batch, batch + 2, batch + 3)
        turned.append((g.transpose(x, order), [shape[a] for a in order]))
    (x, x_shape), (y, y_shape) = turned
    out = g.add(
        "Conv",
        _grouped(g, x, x_shape, batch, True),
        _grouped(g, y, y_shape, batch, False),
        group=math.prod(result[:batch]),
        strides=list(param(i, "dilation")),
        dilations=list(param(i, "stride")),
        pads=_pads(i),
    )
    # where the stride leaves a margin there are more positions than the kernel has
    sizes = g.integers(result[-2:])
    out = g.add("Slice", out, g.integers([0, 0]), sizes, g.integers([2, 3]))
    lead, (o, c, height, width) = result[:batch], result[batch:]
    out = _ungrouped(g, out, (*lead, c, o, height, width), batch)
    back = (*range(batch), batch + 1, batch, batch + 2, batch + 3)
    return g.transpose(out, back)
