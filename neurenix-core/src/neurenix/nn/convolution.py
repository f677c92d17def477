"""The layer that convolves images."""

from __future__ import annotations

import math
from typing import Any

from ..functions.creation import zeros
from ..tensor import Tensor
from . import functional, init
from .arguments import pair, whole
from .module import Module
from .parameter import Parameter


class Conv2d(Module):
    """Cross-correlation over images:
    [N, in_channels, H, W] -> [N, out_channels, H', W'].

    kernel_size, stride, padding (of zeros), dilation: an int, or one for height and one
    for width; see `functional.conv2d`. Every output channel sees every input channel:
    there are no groups.

    weight [out_channels, in_channels, kh, kw] and bias [out_channels] start from
    U(±1/√(in_channels · kh · kw)), as PyTorch's.

    Raises InvalidArgumentError for sizes out of range, ShapeError for inputs that do
    not fit.

    >>> import neurenix as nx
    >>> nx.nn.Conv2d(1, 8, 3, padding=1)(nx.ones(2, 1, 28, 28)).shape
    (2, 8, 28, 28)
    """

    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.in_channels: int = whole("Conv2d: in_channels", in_channels)
        self.out_channels: int = whole("Conv2d: out_channels", out_channels)
        self.kernel_size = pair("Conv2d: kernel_size", kernel_size)
        self.stride = pair("Conv2d: stride", stride)
        self.padding = pair("Conv2d: padding", padding, 0)
        self.dilation = pair("Conv2d: dilation", dilation)
        shape = (out_channels, in_channels, *self.kernel_size)
        self.weight = init.kaiming_uniform_(Parameter(zeros(shape)), math.sqrt(5.0))
        bound = 1.0 / math.sqrt(math.prod(shape[1:]))
        self.bias = (
            init.uniform_(Parameter(zeros(out_channels)), -bound, bound)
            if bias
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(
            x, self.weight, self.bias, self.stride, self.padding, self.dilation
        )

    def extra_repr(self) -> str:
        text = (
            f"{self.in_channels}, {self.out_channels}, "
            f"kernel_size={self.kernel_size}, stride={self.stride}"
        )
        text += f", padding={self.padding}" if any(self.padding) else ""
        text += f", dilation={self.dilation}" if self.dilation != (1, 1) else ""
        return text + ("" if self.bias is not None else ", bias=False")
