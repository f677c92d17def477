"""Convolutions and their two gradients as implicit products: nothing is laid out anew,
the terms of a window are found where the image lies."""

from __future__ import annotations

from neurenix.phynexus.plan.instructions import Convolution
from neurenix.phynexus.plan.plan import Step
from neurenix.phynexus.plan.views import View

from .contraction_kernels import contracted
from .contractions import Contraction, Names, Read, Reader, offset
from .indices import joined
from .kernel import Kernel, Row

_IMAGE, _CHANNEL, _HEIGHT, _WIDTH = range(4)
_OUT, _IN = 0, 1  # the first axes of a weight


def conv_general(step: Step, p: Convolution) -> list[Kernel]:
    """Rows are the pixels of all results, columns the channels out, terms the places of
    the window and the channels in."""
    x, weight = step.inputs
    (out,) = step.outputs
    assert out is not None
    xs, ws, os = (_own(v, p) for v in (x, weight, out))

    def read_x(row: Row, pixel: Names, terms: Names) -> Read:
        image, *at = pixel
        a, b, channel = terms
        return _in_image(row, p, xs, (image, channel), at, (a, b))

    def read_weight(row: Row, columns: Names, terms: Names) -> Read:
        a, b, channel = terms
        return Read(offset(row, "weight", [columns[0], channel, a, b], ws.strides))

    pixels = (_IMAGE, _HEIGHT, _WIDTH)
    return _contracted(
        p,
        (x, weight, out),
        rows=tuple(os.shape[a] for a in pixels),
        columns=(os.shape[_CHANNEL],),
        terms=(ws.shape[2], ws.shape[3], ws.shape[_IN]),
        reads=(read_x, read_weight),
        out_rows=tuple(os.strides[a] for a in pixels),
        out_columns=(os.strides[_CHANNEL],),
        by_terms=(xs.strides[_CHANNEL] == 1, ws.strides[_IN] == 1),
    )


def conv_input_gradient(step: Step, p: Convolution) -> list[Kernel]:
    """Rows are the pixels of all images, columns the channels in, terms the places of
    the window and the channels out."""
    g, weight = step.inputs
    (out,) = step.outputs
    assert out is not None
    gs, ws, os = (_own(v, p) for v in (g, weight, out))

    def read_g(row: Row, pixel: Names, terms: Names) -> Read:
        image, *at = pixel
        a, b, channel = terms
        lines, inside = [], []
        for axis, (name, tap) in enumerate(zip(at, (a, b), strict=True)):
            stride = row.number(p.stride[axis], f"stride {axis}")
            dilation = row.number(p.dilation[axis], f"dilation {axis}")
            low = row.number(p.padding[axis][0], f"padding {axis}")
            size = row.number(gs.shape[2 + axis], f"size {axis}")
            lines += [
                f"let from{axis} = {name} + {low} - {tap} * {dilation};",
                f"let x{axis} = from{axis} / {stride};",
            ]
            inside.append(f"(x{axis} < {size}) & (x{axis} * {stride} == from{axis})")
        where = offset(row, "result", [image, channel, "x0", "x1"], gs.strides)
        return Read(where, " & ".join(inside), tuple(lines))

    def read_weight(row: Row, columns: Names, terms: Names) -> Read:
        a, b, channel = terms
        return Read(offset(row, "weight", [channel, columns[0], a, b], ws.strides))

    pixels = (_IMAGE, _HEIGHT, _WIDTH)
    return _contracted(
        p,
        (g, weight, out),
        rows=tuple(os.shape[a] for a in pixels),
        columns=(os.shape[_CHANNEL],),
        terms=(ws.shape[2], ws.shape[3], ws.shape[_OUT]),
        reads=(read_g, read_weight),
        out_rows=tuple(os.strides[a] for a in pixels),
        out_columns=(os.strides[_CHANNEL],),
        by_terms=(gs.strides[_CHANNEL] == 1, ws.strides[_OUT] == 1),
    )


def conv_weight_gradient(step: Step, p: Convolution) -> list[Kernel]:
    """Rows are the channels out, columns the places of the window and the channels in,
    terms the pixels of all results."""
    x, g = step.inputs
    (out,) = step.outputs
    assert out is not None
    xs, gs, os = (_own(v, p) for v in (x, g, out))

    def read_g(row: Row, rows: Names, pixel: Names) -> Read:
        image, *at = pixel
        return Read(offset(row, "result", [image, rows[0], *at], gs.strides))

    def read_x(row: Row, columns: Names, pixel: Names) -> Read:
        a, b, channel = columns
        image, *at = pixel
        return _in_image(row, p, xs, (image, channel), at, (a, b))

    taps = (_HEIGHT, _WIDTH, _IN)
    return _contracted(
        p,
        (g, x, out),
        rows=(os.shape[_OUT],),
        columns=tuple(os.shape[a] for a in taps),
        terms=tuple(gs.shape[a] for a in (_IMAGE, _HEIGHT, _WIDTH)),
        reads=(read_g, read_x),
        out_rows=(os.strides[_OUT],),
        out_columns=tuple(os.strides[a] for a in taps),
        by_terms=(False, False),
    )


def _in_image(
    row: Row,
    p: Convolution,
    image: View,
    outer: tuple[str, str],
    at: Names,
    taps: tuple[str, str],
) -> Read:
    """The pixel of an image that a place of the window meets; outside there are 0s."""
    lines, inside = [], []
    for axis, (name, tap) in enumerate(zip(at, taps, strict=True)):
        stride = row.number(p.stride[axis], f"stride {axis}")
        dilation = row.number(p.dilation[axis], f"dilation {axis}")
        low = row.number(p.padding[axis][0], f"padding {axis}")
        size = row.number(image.shape[2 + axis], f"size {axis}")
        lines.append(f"let x{axis} = {name} * {stride} + {tap} * {dilation} - {low};")
        inside.append(f"(x{axis} < {size})")
    where = offset(row, "image", [*outer, "x0", "x1"], image.strides)
    return Read(where, " & ".join(inside), tuple(lines))


def _own(view: View, p: Convolution) -> View:
    """Without the batch axes."""
    return View(view.root, view.dtype, view.shape[p.batch :], view.strides[p.batch :])


def _contracted(
    p: Convolution,
    operands: tuple[View, View, View],
    *,
    rows: tuple[int, ...],
    columns: tuple[int, ...],
    terms: tuple[int, ...],
    reads: tuple[Reader, Reader],
    out_rows: tuple[int, ...],
    out_columns: tuple[int, ...],
    by_terms: tuple[bool, bool],
) -> list[Kernel]:
    left, right, out = operands
    b = p.batch
    batch = joined(out.shape[:b], range(b), [v.strides[:b] for v in operands])
    of_left, of_right, of_out = batch.strides
    c = Contraction(
        batch=batch.sizes,
        rows=rows,
        columns=columns,
        terms=terms,
        left=left,
        right=right,
        out=out,
        read_left=reads[0],
        read_right=reads[1],
        batches=(of_left, of_right, of_out),
        out_rows=out_rows,
        out_columns=out_columns,
        by_terms=by_terms,
    )
    return contracted(c)
