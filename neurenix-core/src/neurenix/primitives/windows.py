"""Windows over images: their number, where each position of a kernel meets the image,
and the convolutions made of that: slices and matrix products.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from .primitive import ops
from .shorthands import zeros

Pair = tuple[int, int]  # of height and width
Padding = tuple[Pair, Pair]  # of both, what is added before and after


def output_size(
    size: Pair, kernel: Pair, stride: Pair, padding: Padding, dilation: Pair
) -> Pair:
    height, width = (
        (n + sum(p) - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    )
    return height, width


def taps(
    kernel: Pair, out: Pair, stride: Pair, dilation: Pair
) -> Iterator[tuple[int, int, slice, slice]]:
    """For each kernel position, where its inputs lie in the padded image."""
    for a, b in product(range(kernel[0]), range(kernel[1])):
        top, left = a * dilation[0], b * dilation[1]
        yield (
            a,
            b,
            slice(top, top + (out[0] - 1) * stride[0] + 1, stride[0]),
            slice(left, left + (out[1] - 1) * stride[1] + 1, stride[1]),
        )


# ---- decompositions: one product for each position in the kernel ---------------------


def _around(x: Any, padding: Padding) -> Any:
    none = (0,) * (len(x.shape) - 2)
    (top, bottom), (left, right) = padding
    return ops.pad(
        x,
        low=(*none, top, left),
        high=(*none, bottom, right),
        interior=(0,) * len(x.shape),
        value=0.0,
    )


def _at(x: Any, rows: slice, columns: slice) -> Any:
    """x[..., rows, columns]"""
    lead = x.shape[:-2]
    return ops.slice(
        x,
        start=(*(0,) * len(lead), rows.start, columns.start),
        stop=(*lead, rows.stop, columns.stop),
        step=(*(1,) * len(lead), rows.step or 1, columns.step or 1),
    )


def _weight_at(w: Any, a: int, b: int) -> Any:
    one = _at(w, slice(a, a + 1), slice(b, b + 1))
    return ops.reshape(one, shape=w.shape[:-2])


def _product(x: Any, y: Any, over: tuple[Any, Any], batch: int) -> Any:
    """Over axes that are counted behind the batch."""
    shared = tuple(range(batch))
    left, right = (tuple(batch + i for i in side) for side in over)
    return ops.dot_general(
        x,
        y,
        lhs_contract=left,
        rhs_contract=right,
        lhs_batch=shared,
        rhs_batch=shared,
    )


def _images(x: Any, batch: int) -> Any:
    """[b.., N, H, W, C] -> [b.., N, C, H, W]"""
    order = (0, 3, 1, 2)
    return ops.transpose(x, permutation=(*range(batch), *(batch + i for i in order)))


def _sum(terms: list[Any]) -> Any:
    total = terms[0]
    for term in terms[1:]:
        total = ops.add(total, term)
    return total


def forward(
    x: Any, w: Any, batch: int, stride: Pair, padding: Padding, dilation: Pair
) -> Any:
    kernel = w.shape[-2:]
    out = output_size(x.shape[-2:], kernel, stride, padding, dilation)
    wide = _around(x, padding)
    terms = [
        _product(_at(wide, rows, columns), _weight_at(w, a, b), ((1,), (1,)), batch)
        for a, b, rows, columns in taps(kernel, out, stride, dilation)
    ]
    return _images(_sum(terms), batch)


def input_gradient(
    g: Any,
    w: Any,
    batch: int,
    size: Pair,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
) -> Any:
    lead = (0,) * (batch + 2)
    wide = tuple(n + sum(p) for n, p in zip(size, padding, strict=True))
    terms = []
    for a, b, rows, columns in taps(w.shape[-2:], g.shape[-2:], stride, dilation):
        term = _product(g, _weight_at(w, a, b), ((1,), (0,)), batch)
        terms.append(
            ops.pad(
                _images(term, batch),
                low=(*lead, rows.start, columns.start),
                high=(*lead, wide[0] - rows.stop, wide[1] - columns.stop),
                interior=(*lead, stride[0] - 1, stride[1] - 1),
                value=0.0,
            )
        )
    (top, _), (left, _) = padding
    return _at(_sum(terms), slice(top, top + size[0]), slice(left, left + size[1]))


def weight_gradient(
    x: Any,
    g: Any,
    batch: int,
    size: Pair,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
) -> Any:
    wide = _around(x, padding)
    columns_of = []
    for _, _, rows, columns in taps(size, g.shape[-2:], stride, dilation):
        part = _product(g, _at(wide, rows, columns), ((0, 2, 3), (0, 2, 3)), batch)
        columns_of.append(ops.reshape(part, shape=(*part.shape, 1)))
    if not columns_of:
        channels = (g.shape[batch + 1], x.shape[batch + 1])
        return zeros((*g.shape[:batch], *channels, *size), g.dtype)
    whole = ops.concat(*columns_of, axis=batch + 2)
    return ops.reshape(whole, shape=(*whole.shape[:-1], *size))
