"""The layer that normalises each position by its own statistics."""

from __future__ import annotations

from collections.abc import Sequence

from ..arguments import between, whole
from ..functions.creation import ones, zeros
from ..tensor import Tensor
from . import functional
from .module import Module
from .parameter import Parameter


class LayerNorm(Module):
    """`functional.layer_norm` with a weight (of ones) and a bias (of zeros) to learn.

    normalized_shape   the last axes' shape, or an int for one axis
    affine             whether there are weight and bias
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        affine: bool = True,
    ) -> None:
        super().__init__()
        given = (
            tuple(normalized_shape)
            if isinstance(normalized_shape, (tuple, list))
            else (normalized_shape,)
        )
        self.normalized_shape = tuple(
            whole("LayerNorm", "normalized_shape", n, 1) for n in given
        )
        self.eps: float = between("LayerNorm", "eps", eps, 0.0)
        self.weight = Parameter(ones(self.normalized_shape)) if affine else None
        self.bias = Parameter(zeros(self.normalized_shape)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        return functional.layer_norm(
            x, self.normalized_shape, self.weight, self.bias, self.eps
        )

    def extra_repr(self) -> str:
        affine = "" if self.weight is not None else ", affine=False"
        return f"{self.normalized_shape}, eps={self.eps:g}{affine}"
