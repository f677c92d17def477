"""Convolutions as functions: over images, sequences and back, whole or by groups of
channels. A group is one more batch axis, which the primitives share with a map's."""

from __future__ import annotations

from typing import Any

from ...arguments import one_of, pair, single, whole
from ...errors import InvalidArgumentError, ShapeError
from ...functions.operands import floating, operands
from ...functions.shape import expand_dims, squeeze
from ...primitives import ops
from ...tensor import Tensor

PADDINGS = ("same", "valid")


def add_bias(name: str, y: Tensor, bias: Any, size: int) -> Tensor:
    """bias [size] beside y [N, size, ...]."""
    if bias is None:
        return y
    if bias.shape != (size,):
        raise ShapeError(
            f"{name}: a bias of shape {bias.shape} for {size} outputs; "
            f"expected {(size,)}"
        )
    return y + ops.reshape(bias, shape=(size, *(1,) * (y.ndim - 2)))


def _advice_for_one(x: Tensor, weight: Tensor, form: str) -> str:
    """For a message: what to do with one example that has no batch axis."""
    one = x.ndim == weight.ndim - 1
    return f": one example is x[None], which is {form}" if one else ""


def check_groups(name: str, groups: int, inputs: int, outputs: int) -> None:
    if inputs % groups or outputs % groups:
        raise InvalidArgumentError(
            f"{name}: groups={groups} does not divide {inputs} input channels and "
            f"{outputs} output channels"
        )


def check_padding(name: str, padding: Any, stride: tuple[int, ...]) -> None:
    """Padding by name is for stride 1, where "same" has a meaning."""
    if padding == "same" and max(stride) > 1:
        raise InvalidArgumentError(
            f'{name}: padding="same" with stride={stride}; it is for stride 1: '
            "give the padding as a number"
        )


def _around(
    name: str,
    padding: Any,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> tuple[tuple[int, int], ...]:
    """Before and after, for height and width."""
    if not isinstance(padding, str):
        high, wide = pair(name, "padding", padding, 0)
        return (high, high), (wide, wide)
    if one_of(name, "padding", padding, PADDINGS) == "valid":
        return (0, 0), (0, 0)
    check_padding(name, padding, stride)
    spans = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    return tuple((span // 2, span - span // 2) for span in spans)


def _by_groups(x: Tensor, groups: int) -> Tensor:
    """[N, G · C, H, W] -> [G, N, C, H, W]"""
    n, channels, *image = x.shape
    parts = ops.reshape(x, shape=(n, groups, channels // groups, *image))
    return ops.transpose(parts, permutation=(1, 0, 2, 3, 4))


def _joined(y: Tensor) -> Tensor:
    """[G, N, C, H, W] -> [N, G · C, H, W]"""
    groups, n, channels, *image = y.shape
    parts = ops.transpose(y, permutation=(1, 0, 2, 3, 4))
    return ops.reshape(parts, shape=(n, groups * channels, *image))


def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation over images: x [N, C, H, W], weight [O, C / groups, kh, kw],
    bias [O] -> [N, O, H', W'], with
    H' = ⌊(H + 2·padding − dilation·(kh − 1) − 1) / stride⌋ + 1.

    stride, padding, dilation: an int, or one for height and one for width. padding is
    also "same", with H' = H at stride 1 (the odd row goes behind), or "valid", none.
    With groups the channels are cut into so many parts, each of which has its own part
    of the weight. Raises ShapeError where shapes do not go together.

    >>> import neurenix as nx
    >>> image, weight = nx.ones(1, 3, 8, 8), nx.ones(4, 3, 3, 3)
    >>> nx.nn.functional.conv2d(image, weight, padding=1).shape
    (1, 4, 8, 8)
    """
    return _conv2d("conv2d", x, weight, bias, stride, padding, dilation, groups)


def _conv2d(
    name: str,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Tensor:
    x, w = operands(name, floating(name, x), weight)
    if x.ndim != 4 or w.ndim != 4:
        raise ShapeError(
            f"{name}: shapes {x.shape} and {w.shape}; "
            "expected an input [N, C, H, W] and a weight [O, C, kh, kw]"
            + _advice_for_one(x, w, "[1, C, H, W]")
        )
    count = whole(name, "groups", groups, 1)
    if x.shape[1] != w.shape[1] * count:
        raise ShapeError(
            f"{name}: the input of shape {x.shape} has {x.shape[1]} channels, "
            f"the weight of shape {w.shape} takes {w.shape[1] * count}"
            + (
                ": images with their channels last are transposed by "
                "nx.moveaxis(x, -1, 1)"
                if x.shape[-1] == w.shape[1] * count
                else ""
            )
        )
    step, spread = pair(name, "stride", stride), pair(name, "dilation", dilation)
    around = _around(name, padding, (w.shape[2], w.shape[3]), step, spread)
    geometry = {"stride": step, "padding": around, "dilation": spread}
    if count == 1:
        y = ops.conv_general(x, w, batch=0, **geometry)
    else:
        check_groups(name, count, x.shape[1], w.shape[0])
        parts = ops.reshape(w, shape=(count, w.shape[0] // count, *w.shape[1:]))
        y = _joined(ops.conv_general(_by_groups(x, count), parts, batch=1, **geometry))
    return add_bias(name, y, bias, w.shape[0])


def conv1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation over sequences: x [N, C, L], weight [O, C / groups, k], bias
    [O] -> [N, O, L']; arguments and errors as of `conv2d`.

    >>> import neurenix as nx
    >>> nx.nn.functional.conv1d(nx.ones(1, 2, 8), nx.ones(4, 2, 3)).shape
    (1, 4, 6)
    """
    x, w = operands("conv1d", floating("conv1d", x), weight)
    if x.ndim != 3 or w.ndim != 3:
        raise ShapeError(
            f"conv1d: shapes {x.shape} and {w.shape}; "
            "expected an input [N, C, L] and a weight [O, C, k]"
            + _advice_for_one(x, w, "[1, C, L]")
        )
    (step,), (spread,) = (
        single("conv1d", "stride", stride),
        single("conv1d", "dilation", dilation),
    )
    if isinstance(padding, str):
        one_of("conv1d", "padding", padding, PADDINGS)
        check_padding("conv1d", padding, (step,))
        around: Any = padding  # of a kernel of height 1 none goes above and below
    else:
        around = (0, *single("conv1d", "padding", padding, 0))
    rows, weights = expand_dims(x, 2), expand_dims(w, 2)
    y = _conv2d("conv1d", rows, weights, bias, (1, step), around, (1, spread), groups)
    return squeeze(y, 2)


def conv_transpose2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The transpose of `conv2d`, as its derivative by the image: x [N, C, H, W],
    weight [C, O / groups, kh, kw], bias [O] -> [N, O, H', W'], with
    H' = (H − 1)·stride − 2·padding + dilation·(kh − 1) + output_padding + 1.

    output_padding, smaller than stride, says which of the sizes that `conv2d` would
    bring to H is meant. Raises ShapeError where shapes do not go together.

    >>> import neurenix as nx
    >>> image, weight = nx.ones(1, 3, 4, 4), nx.ones(3, 2, 2, 2)
    >>> nx.nn.functional.conv_transpose2d(image, weight, stride=2).shape
    (1, 2, 8, 8)
    """
    name = "conv_transpose2d"
    x, w = operands(name, floating(name, x), weight)
    if x.ndim != 4 or w.ndim != 4 or x.shape[1] != w.shape[0]:
        raise ShapeError(
            f"{name}: shapes {x.shape} and {w.shape}; "
            "expected an input [N, C, H, W] and a weight [C, O, kh, kw]"
        )
    count = whole(name, "groups", groups, 1)
    step, spread = pair(name, "stride", stride), pair(name, "dilation", dilation)
    around = pair(name, "padding", padding, 0)
    more = pair(name, "output_padding", output_padding, 0)
    if any(m >= s for m, s in zip(more, step, strict=True)):
        raise InvalidArgumentError(
            f"{name}: output_padding={output_padding!r} with stride={stride!r}; "
            "expected less"
        )
    size = tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + m + 1
        for n, s, p, d, k, m in zip(
            x.shape[2:], step, around, spread, w.shape[2:], more, strict=True
        )
    )
    if min(size) < 1:
        raise ShapeError(
            f"{name}: an image of {x.shape[2]}x{x.shape[3]} would become one of "
            f"{size[0]}x{size[1]}; expected less padding"
        )
    geometry = {
        "size": size,
        "stride": step,
        "padding": tuple((p, p) for p in around),
        "dilation": spread,
    }
    if count == 1:
        y = ops.conv_input_gradient(x, w, batch=0, **geometry)
    else:
        check_groups(name, count, x.shape[1], w.shape[1] * count)
        parts = ops.reshape(w, shape=(count, w.shape[0] // count, *w.shape[1:]))
        split = _by_groups(x, count)
        y = _joined(ops.conv_input_gradient(split, parts, batch=1, **geometry))
    return add_bias(name, y, bias, w.shape[1] * count)
