"""Convolution in two dimensions, and its two transposes: closed under differentiation.

conv_general(x, w)           x [b.., N, C, H, W], w [b.., O, C, KH, KW]
                             -> [b.., N, O, OH, OW]
conv_input_gradient(g, w)    the cotangent of x;  `size` is (H, W)
conv_weight_gradient(x, g)   the cotangent of w;  `size` is (KH, KW)

Each is linear in both of its inputs. `batch` is the number of leading axes b that
both share (a task's own weights). Cross-correlation, as in every framework.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from . import windows
from .batching import batch_size, with_batch
from .broadcasting import same_dtype
from .primitive import PLAIN, Primitive, Shape, TensorType, Value, ops, register
from .shorthands import in_float32
from .windows import Padding, Pair, output_size, taps


def _parts(name: str, types: Sequence[Value], batch: int) -> tuple[Shape, Shape, Shape]:
    """The shared batch axes, and both shapes without them."""
    a, b = (t.shape for t in types)
    if len(a) != batch + 4 or len(b) != batch + 4 or a[:batch] != b[:batch]:
        raise ShapeError(
            f"{name}: shapes {a} and {b} must have 4 axes "
            f"behind {batch} equal batch axes"
        )
    same_dtype(name, types)
    return a[:batch], a[batch:], b[batch:]


def _window(
    size: Pair, kernel: Pair, stride: Pair, padding: Padding, dilation: Pair
) -> Pair:
    out = output_size(size, kernel, stride, padding, dilation)
    if min(out) < 1:
        (h, w), (kh, kw) = size, kernel
        raise ShapeError(
            f"convolution: a kernel of {kh}x{kw} does not fit "
            f"an image of {h}x{w} padded by {padding}"
        )
    return out


def _forward_infer(
    types: Sequence[Value], batch: int, **geometry: Any
) -> list[TensorType]:
    lead, (n, c, h, w), (o, ci, kh, kw) = _parts("conv_general", types, batch)
    if c != ci:
        raise ShapeError(
            f"convolution: the input of shape {types[0].shape} has {c} channels, "
            f"the weight of shape {types[1].shape} takes {ci}"
        )
    window = _window((h, w), (kh, kw), **geometry)
    return [TensorType((*lead, n, o, *window), types[0].dtype)]


def _input_infer(
    types: Sequence[Value], batch: int, size: Pair, **geometry: Any
) -> list[TensorType]:
    lead, (n, o, oh, ow), (wo, c, kh, kw) = _parts("conv_input_gradient", types, batch)
    if o != wo or (oh, ow) != _window(size, (kh, kw), **geometry):
        raise ShapeError(
            f"conv_input_gradient: {types[0].shape} and {types[1].shape} "
            f"do not fit an input of {size}"
        )
    return [TensorType((*lead, n, c, *size), types[0].dtype)]


def _weight_infer(
    types: Sequence[Value], batch: int, size: Pair, **geometry: Any
) -> list[TensorType]:
    lead, (n, c, h, w), (gn, o, oh, ow) = _parts("conv_weight_gradient", types, batch)
    if n != gn or (oh, ow) != _window((h, w), size, **geometry):
        raise ShapeError(
            f"conv_weight_gradient: {types[0].shape} and {types[1].shape} "
            f"do not fit a kernel of {size}"
        )
    return [TensorType((*lead, o, c, *size), types[0].dtype)]


# ---- the NumPy reference: one tensordot for each position in the kernel --------------


def _padded(x: Any, padding: Padding) -> Any:
    return np.pad(x, ((0, 0), (0, 0), *padding))


def _forward(x: Any, w: Any, stride: Pair, padding: Padding, dilation: Pair) -> Any:
    size = _window(x.shape[2:], w.shape[2:], stride, padding, dilation)
    x = _padded(x, padding)
    out = np.zeros((x.shape[0], *size, w.shape[0]), x.dtype)
    for a, b, rows, columns in taps(w.shape[2:], size, stride, dilation):
        out += np.tensordot(x[:, :, rows, columns], w[:, :, a, b], ((1,), (1,)))
    return out.transpose(0, 3, 1, 2)


def _input_gradient(
    g: Any, w: Any, size: Pair, stride: Pair, padding: Padding, dilation: Pair
) -> Any:
    (top, bottom), (left, right) = padding
    x = np.zeros(
        (g.shape[0], size[0] + top + bottom, size[1] + left + right, w.shape[1]),
        g.dtype,
    )
    for a, b, rows, columns in taps(w.shape[2:], g.shape[2:], stride, dilation):
        x[:, rows, columns] += np.tensordot(g, w[:, :, a, b], ((1,), (0,)))
    return x[:, top : top + size[0], left : left + size[1]].transpose(0, 3, 1, 2)


def _weight_gradient(
    x: Any, g: Any, size: Pair, stride: Pair, padding: Padding, dilation: Pair
) -> Any:
    x = _padded(x, padding)
    w = np.zeros((g.shape[1], x.shape[1], *size), x.dtype)
    for a, b, rows, columns in taps(size, g.shape[2:], stride, dilation):
        w[:, :, a, b] = np.tensordot(g, x[:, :, rows, columns], ((0, 2, 3), (0, 2, 3)))
    return w


def _over_batch(kernel: Callable[..., Any]) -> Callable[..., list[Any]]:
    def reference(p: Any, q: Any, batch: int, **params: Any) -> list[Any]:
        lead = p.shape[:batch]
        count = math.prod(lead)  # not -1, where a shape has a 0
        p, q = (v.reshape(count, *v.shape[batch:]) for v in (p, q))
        if not count:
            one = kernel(*(np.zeros(v.shape[1:], v.dtype) for v in (p, q)), **params)
            return [np.zeros((*lead, *one.shape), one.dtype)]
        out = np.stack([kernel(i, j, **params) for i, j in zip(p, q, strict=True)])
        return [out.reshape(*lead, *out.shape[1:])]

    return reference


# ---- rules ---------------------------------------------------------------------------


def _forward_vjp(
    needed: Any, gs: Any, inputs: Any, outputs: Any, batch: int, **geometry: Any
) -> list[Any]:
    x, w = inputs
    return [
        ops.conv_input_gradient(gs[0], w, batch=batch, size=x.shape[-2:], **geometry)
        if needed[0]
        else None,
        ops.conv_weight_gradient(x, gs[0], batch=batch, size=w.shape[-2:], **geometry)
        if needed[1]
        else None,
    ]


def _input_vjp(
    needed: Any,
    gs: Any,
    inputs: Any,
    outputs: Any,
    batch: int,
    size: Pair,
    **geometry: Any,
) -> list[Any]:
    g, w = inputs
    return [
        ops.conv_general(gs[0], w, batch=batch, **geometry) if needed[0] else None,
        ops.conv_weight_gradient(gs[0], g, batch=batch, size=w.shape[-2:], **geometry)
        if needed[1]
        else None,
    ]


def _weight_vjp(
    needed: Any,
    gs: Any,
    inputs: Any,
    outputs: Any,
    batch: int,
    size: Pair,
    **geometry: Any,
) -> list[Any]:
    x, g = inputs
    return [
        ops.conv_input_gradient(g, gs[0], batch=batch, size=x.shape[-2:], **geometry)
        if needed[0]
        else None,
        ops.conv_general(x, gs[0], batch=batch, **geometry) if needed[1] else None,
    ]


def _batch_rule(name: str, images: int) -> Callable[..., list[Any]]:
    """`images`: which input has images as its first axis, the other being weights
    (-1: both have). If it alone is batched, its batch are more images; else the batch
    is shared."""

    def batched(
        values: Sequence[Any], flags: Sequence[bool], batch: int, **params: Any
    ) -> list[Any]:
        primitive = ops.table[name]
        size = batch_size(values, flags)
        if images >= 0 and batch == 0 and flags[images] and not flags[1 - images]:
            x = values[images]
            merged = [*values]
            merged[images] = ops.reshape(x, shape=(size * x.shape[1], *x.shape[2:]))
            out = primitive(*merged, batch=0, **params)
            return [ops.reshape(out, shape=(size, x.shape[1], *out.shape[1:]))]
        both = [with_batch(v, f, size) for v, f in zip(values, flags, strict=True)]
        return [primitive(*both, batch=batch + 1, **params)]

    return batched


def _convolution(
    name: str,
    opcode: int,
    infer: Any,
    kernel: Any,
    vjp: Any,
    images: int,
    decomposition: Any,
) -> Primitive:
    batch = _batch_rule(name, images)
    return register(
        Primitive(
            name=name,
            opcode=opcode,
            family="convolution",
            traits=PLAIN,
            infer=infer,
            reference=_over_batch(kernel),
            vjp=vjp,
            batch=batch,
            decomposition=in_float32(decomposition),
            saves="i",
        )
    )


conv_general = _convolution(
    "conv_general",
    81,
    infer=_forward_infer,
    kernel=_forward,
    vjp=_forward_vjp,
    images=0,
    decomposition=windows.forward,
)
conv_input_gradient = _convolution(
    "conv_input_gradient",
    82,
    infer=_input_infer,
    kernel=_input_gradient,
    vjp=_input_vjp,
    images=0,
    decomposition=windows.input_gradient,
)
conv_weight_gradient = _convolution(
    "conv_weight_gradient",
    83,
    infer=_weight_infer,
    kernel=_weight_gradient,
    vjp=_weight_vjp,
    images=-1,
    decomposition=windows.weight_gradient,
)
