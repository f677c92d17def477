"""Windows over images: what every kind of pooling checks, and where windows lie."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...arguments import pair
from ...errors import InvalidArgumentError, ShapeError
from ...functions.operands import floating
from ...functions.shape import cut, pad
from ...tensor import Tensor


class Windows(NamedTuple):
    """An image [..., H, W], padded, and the windows that fit it."""

    image: Tensor
    kernel: tuple[int, int]
    step: tuple[int, int]
    rows: int
    columns: int

    def places(self) -> list[Tensor]:
        """For each place in the window, row by row, what all windows have there:
        slices [..., rows, columns]."""
        at = self.image.ndim - 2
        down, across = self.step
        return [
            cut(
                cut(self.image, at, i, i + (self.rows - 1) * down + 1, down),
                at + 1,
                j,
                j + (self.columns - 1) * across + 1,
                across,
            )
            for i in range(self.kernel[0])
            for j in range(self.kernel[1])
        ]


def windows(
    name: str, x: Any, kernel_size: Any, stride: Any, padding: Any, fill: float
) -> Windows:
    """The windows of a pooling called `name`; padding is of `fill`.

    Raises InvalidArgumentError for sizes out of range, ShapeError where no window fits.
    """
    x = floating(name, x)
    kernel = pair(name, "kernel_size", kernel_size)
    step = kernel if stride is None else pair(name, "stride", stride)
    around = pair(name, "padding", padding, 0)
    if 2 * around[0] > kernel[0] or 2 * around[1] > kernel[1]:
        raise InvalidArgumentError(
            f"{name}: padding={padding!r} is more than half of "
            f"kernel_size={kernel_size!r}"
        )
    if x.ndim < 2:
        raise ShapeError(f"{name}: an input of shape {x.shape}; expected [..., H, W]")
    if any(around):
        x = pad(x, [(0, 0)] * (x.ndim - 2) + [(n, n) for n in around], fill)
    rows, columns = (
        (n - k) // s + 1 for n, k, s in zip(x.shape[-2:], kernel, step, strict=True)
    )
    if rows < 1 or columns < 1:
        raise ShapeError(
            f"{name}: a window of {kernel[0]}x{kernel[1]} does not fit "
            f"an image of {x.shape[-2]}x{x.shape[-1]}"
        )
    return Windows(x, kernel, step, rows, columns)
