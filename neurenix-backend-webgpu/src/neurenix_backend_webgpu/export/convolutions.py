"""Convolutions as matrix products over overlapping views of padded images.

With xₚ the padded images,

    y[n, o, h, w] = Σ_{i, j, c} xₚ[n, c, h·s + i·d, w·s + j·d] k[o, c, i, j]

is a product of matrices whose rows (n, h, w) and columns (i, j, c) of the left one are
strides over xₚ. So are the gradients: of the weights over (n, h, w), of the images with
y's zeros put between and around, and the kernel's positions in reverse.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurenix.phynexus.plan.instructions import NAMES, OPCODES, Convolution, Copy, Dot
from neurenix.phynexus.plan.plan import Step
from neurenix.phynexus.plan.views import Block, Shape, View, dense
from neurenix.primitives.sources import ConstantArray


def as_products(steps: list[Step]) -> list[Step]:
    """The steps without convolutions."""
    made: list[Step] = []
    for step in steps:
        if isinstance(step.params, Convolution):
            made += _product(step, step.params)
        else:
            made.append(step)
    return made


def _product(step: Step, p: Convolution) -> Iterator[Step]:
    left, right = step.inputs
    (out,) = step.outputs
    assert out is not None
    b = p.batch
    n, c, h, w = range(b, b + 4)
    lead = tuple(range(b))
    name = NAMES[step.opcode]
    if name == "conv_input_gradient":
        kernel = right.shape[b + 2 :]
        around = tuple(
            _around(p, axis, kernel[axis], left.shape[h + axis], out.shape[h + axis])
            for axis in (0, 1)
        )
        steps, images = _padded(step, left, b, around, p.stride)
        yield from steps
        seen = _seen(images, b, out.shape[h:], kernel, (1, 1), p.dilation)
        seen = seen.flipped((b + 3, b + 4))
        weights = right.transposed((*lead, h, w, n, c))
        result = out.transposed((*lead, n, h, w, c))
        yield _dot(step, seen, weights, result, Dot(b, 3, 1, 3))
        return
    steps, images = _padded(step, left, b, p.padding, (1, 1))
    yield from steps
    if name == "conv_general":
        kernel, size = right.shape[h:], out.shape[h:]
        seen = _seen(images, b, size, kernel, p.stride, p.dilation)
        weights = right.transposed((*lead, h, w, c, n))
        result = out.transposed((*lead, n, h, w, c))
        yield _dot(step, seen, weights, result, Dot(b, 3, 1, 3))
        return
    kernel, size = out.shape[h:], right.shape[h:]
    seen = _seen(images, b, size, kernel, p.stride, p.dilation)
    seen = seen.transposed((*lead, b + 3, b + 4, b + 5, b, b + 1, b + 2))
    given = right.transposed((*lead, n, h, w, c))
    result = out.transposed((*lead, h, w, c, n))
    yield _dot(step, seen, given, result, Dot(b, 3, 1, 3))


def _around(
    p: Convolution, axis: int, kernel: int, given: int, wanted: int
) -> tuple[int, int]:
    """What stands before and behind the spread gradient of a result, so that the
    windows on it, one for each place of the images, lie within."""
    reach = (kernel - 1) * p.dilation[axis]
    before = reach - p.padding[axis][0]
    spread = (given - 1) * p.stride[axis] + 1
    return before, wanted + reach - before - spread


def _padded(
    step: Step,
    x: View,
    batch: int,
    around: tuple[tuple[int, int], ...],
    spread: Shape,
) -> tuple[list[Step], View]:
    """Images with zeros around and between their elements (less where `around` is
    negative), and the steps that write them."""
    if all(pair == (0, 0) for pair in around) and tuple(spread) == (1, 1):
        return [], x
    h = batch + 2
    shape = [*x.shape]
    start, stop = [0] * len(shape), list(x.shape)
    first = [0] * len(shape)
    for axis in (0, 1):
        before, behind = around[axis]
        by, count = spread[axis], x.shape[h + axis]
        shape[h + axis] = (count - 1) * by + 1 + before + behind
        skipped = -(min(before, 0) // by)
        last = (shape[h + axis] - 1 - before) // by
        start[h + axis] = skipped
        stop[h + axis] = max(min(count, last + 1), skipped)
        first[h + axis] = before + skipped * by
    whole = tuple(shape)
    out = View(
        Block(x.dtype.itemsize * int(np.prod(whole, dtype=np.int64))),
        x.dtype,
        whole,
        dense(whole, x.order),
    )
    ones = (1,) * len(shape)
    zero = ConstantArray(np.zeros((), x.dtype.numpy), x.dtype)
    fill = View(("constant", zero), x.dtype, (), ()).broadcast(whole)
    inner = x.sliced(tuple(start), tuple(stop), ones)
    steps = (1,) * (len(shape) - 2)
    end = tuple(
        f + (n - 1) * s + 1 if n else f
        for f, n, s in zip(first, inner.shape, (*steps, *spread), strict=True)
    )
    target = out.sliced(tuple(first), end, (*steps, *spread))
    copies = [_copy(step, fill, out), _copy(step, inner, target)]
    return copies, out


def _seen(
    x: View, batch: int, size: Shape, kernel: Shape, stride: Shape, dilation: Shape
) -> View:
    """[..., n, h, w, i, j, c]: what place (h, w) of a result sees at position (i, j) of
    the kernel. Windows overlap."""
    n, c, h, w = range(batch, batch + 4)
    s = x.strides
    return View(
        x.root,
        x.dtype,
        (*x.shape[:batch], x.shape[n], *size, *kernel, x.shape[c]),
        (
            *s[:batch],
            s[n],
            s[h] * stride[0],
            s[w] * stride[1],
            s[h] * dilation[0],
            s[w] * dilation[1],
            s[c],
        ),
        x.offset,
    )


def _copy(step: Step, x: View, y: View) -> Step:
    return Step(OPCODES["copy"], [x], [y], Copy(), source=step.source)


def _dot(step: Step, x: View, y: View, out: View, params: Dot) -> Step:
    return Step(OPCODES["dot_general"], [x, y], [out], params, source=step.source)
