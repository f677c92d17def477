"""Layers that convolve images and sequences."""

from __future__ import annotations

import math
from typing import Any

from ..arguments import one_of, pair, single, whole
from ..functions.creation import zeros
from ..tensor import Tensor
from . import functional, init
from .functional.convolution import PADDINGS, check_groups, check_padding
from .module import Module
from .parameter import Parameter


class _Convolution(Module):
    """The base of the convolution layers: sizes, weight and bias."""

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Any
    dilation: tuple[int, ...]
    bias: Parameter | None

    def _make(
        self,
        in_channels: int,
        out_channels: int,
        groups: int,
        bias: bool,
        transposed: bool = False,
    ) -> None:
        name = type(self).__name__
        self.in_channels: int = whole(name, "in_channels", in_channels, 1)
        self.out_channels: int = whole(name, "out_channels", out_channels, 1)
        self.groups: int = whole(name, "groups", groups, 1)
        check_groups(name, self.groups, in_channels, out_channels)
        first, second = out_channels, in_channels
        if transposed:
            first, second = in_channels, out_channels
        shape = (first, second // self.groups, *self.kernel_size)
        self.weight = init.kaiming_uniform_(Parameter(zeros(shape)), math.sqrt(5.0))
        bound = 1.0 / math.sqrt(math.prod(shape[1:]))
        self.bias = (
            init.uniform_(Parameter(zeros(out_channels)), -bound, bound)
            if bias
            else None
        )

    def extra_repr(self) -> str:
        text = (
            f"{self.in_channels}, {self.out_channels}, "
            f"kernel_size={self.kernel_size}, stride={self.stride}"
        )
        padded = self.padding if isinstance(self.padding, str) else any(self.padding)
        text += f", padding={self.padding!r}" if padded else ""
        text += f", dilation={self.dilation}" if max(self.dilation) > 1 else ""
        text += f", groups={self.groups}" if self.groups > 1 else ""
        return text + ("" if self.bias is not None else ", bias=False")


class Conv2d(_Convolution):
    """Cross-correlation over images:
    [N, in_channels, H, W] -> [N, out_channels, H', W'].

    kernel_size, stride, padding (of zeros), dilation: an int, or one for height and one
    for width; padding also "same" (H' = H, of stride 1) or "valid" (none); see
    `functional.conv2d`. With groups each group of output channels sees its own group of
    input channels only; groups=in_channels is depthwise.

    weight [out_channels, in_channels / groups, kh, kw] and bias [out_channels] start
    from U(±1/√(in_channels / groups · kh · kw)), as PyTorch's.

    Raises InvalidArgumentError for sizes out of range, ShapeError for inputs that do
    not fit.

    >>> import neurenix as nx
    >>> nx.nn.Conv2d(1, 8, 3, padding=1)(nx.ones(2, 1, 28, 28)).shape
    (2, 8, 28, 28)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        bias: bool = True,
        groups: int = 1,
    ) -> None:
        super().__init__()
        self.kernel_size = pair("Conv2d", "kernel_size", kernel_size)
        self.stride = pair("Conv2d", "stride", stride)
        self.padding = (
            one_of("Conv2d", "padding", padding, PADDINGS)
            if isinstance(padding, str)
            else pair("Conv2d", "padding", padding, 0)
        )
        self.dilation = pair("Conv2d", "dilation", dilation)
        check_padding("Conv2d", self.padding, self.stride)
        self._make(in_channels, out_channels, groups, bias)

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(
            x,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
        )


class Conv1d(_Convolution):
    """Cross-correlation over sequences: [N, in_channels, L] -> [N, out_channels, L'].

    Arguments, initial values and errors as of `Conv2d`, each size one int;
    weight [out_channels, in_channels / groups, kernel_size].

    >>> import neurenix as nx
    >>> nx.nn.Conv1d(4, 8, 3, padding="same")(nx.ones(2, 4, 20)).shape
    (2, 8, 20)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        bias: bool = True,
        groups: int = 1,
    ) -> None:
        super().__init__()
        self.kernel_size = single("Conv1d", "kernel_size", kernel_size)
        self.stride = single("Conv1d", "stride", stride)
        self.padding = (
            one_of("Conv1d", "padding", padding, PADDINGS)
            if isinstance(padding, str)
            else single("Conv1d", "padding", padding, 0)
        )
        self.dilation = single("Conv1d", "dilation", dilation)
        check_padding("Conv1d", self.padding, self.stride)
        self._make(in_channels, out_channels, groups, bias)

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv1d(
            x,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
        )


class ConvTranspose2d(_Convolution):
    """The transpose of `Conv2d`, which enlarges images: [N, in_channels, H, W] ->
    [N, out_channels, H', W'], with H' = (H − 1) · stride − 2 · padding +
    dilation · (kh − 1) + output_padding + 1.

    weight [in_channels, out_channels / groups, kh, kw] and bias [out_channels] start as
    PyTorch's. Arguments and errors as of `Conv2d`; no padding by name.

    >>> import neurenix as nx
    >>> nx.nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1)(nx.ones(1, 8, 7, 7)).shape
    (1, 3, 14, 14)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        dilation: Any = 1,
        bias: bool = True,
        groups: int = 1,
    ) -> None:
        super().__init__()
        self.kernel_size = pair("ConvTranspose2d", "kernel_size", kernel_size)
        self.stride = pair("ConvTranspose2d", "stride", stride)
        self.padding = pair("ConvTranspose2d", "padding", padding, 0)
        self.output_padding = pair(
            "ConvTranspose2d", "output_padding", output_padding, 0
        )
        self.dilation = pair("ConvTranspose2d", "dilation", dilation)
        self._make(in_channels, out_channels, groups, bias, transposed=True)

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv_transpose2d(
            x,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.output_padding,
            self.dilation,
            self.groups,
        )
