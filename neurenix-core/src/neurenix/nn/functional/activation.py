"""Activations beyond those of `nx`: made of straight pieces, or of other activations.
NaN stays NaN."""

from __future__ import annotations

from typing import Any

from ...arguments import between
from ...errors import ShapeError
from ...functions.activation import elu, sigmoid, softplus
from ...functions.arithmetic import absolute, tanh, where
from ...functions.axes import axis_or_dim, one_axis
from ...functions.operands import floating
from ...functions.shape import cut, reshape
from ...tensor import Tensor


def hardtanh(x: Any, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """x limited to [min_val, max_val]; its derivative at the limits is 0.

    >>> import neurenix as nx
    >>> nx.nn.functional.hardtanh(nx.tensor([-3.0, 0.5])).tolist()
    [-1.0, 0.5]
    """
    x = floating("hardtanh", x)
    low = between("hardtanh", "min_val", min_val, float("-inf"))
    high = between("hardtanh", "max_val", max_val, low)
    return where(x <= low, low, where(x >= high, high, x))


def relu6(x: Any) -> Tensor:
    """min(max(x, 0), 6); its derivative at 0 and 6 is 0.

    >>> import neurenix as nx
    >>> nx.nn.functional.relu6(nx.tensor([-3.0, 5.0, 9.0])).tolist()
    [0.0, 5.0, 6.0]
    """
    return hardtanh(floating("relu6", x), 0.0, 6.0)


def hardsigmoid(x: Any) -> Tensor:
    """relu6(x + 3) / 6.

    >>> import neurenix as nx
    >>> nx.nn.functional.hardsigmoid(nx.tensor([-9.0, 0.0])).tolist()
    [0.0, 0.5]
    """
    return relu6(floating("hardsigmoid", x) + 3.0) * (1.0 / 6.0)


def hardswish(x: Any) -> Tensor:
    """x · relu6(x + 3) / 6 (Howard et al. 2019).

    >>> import neurenix as nx
    >>> nx.nn.functional.hardswish(nx.tensor([-9.0, 9.0])).tolist()
    [0.0, 9.0]
    """
    x = floating("hardswish", x)
    return where(x <= -3.0, 0.0, where(x >= 3.0, x, x * (x + 3.0) * (1.0 / 6.0)))


def prelu(x: Any, weight: Any) -> Tensor:
    """x where x > 0, else weight · x: a weight [1] for all, or [C] for x [N, C, ...].

    Raises ShapeError for another weight.

    >>> import neurenix as nx
    >>> nx.nn.functional.prelu(nx.tensor([-2.0, 2.0]), nx.tensor([0.25])).tolist()
    [-0.5, 2.0]
    """
    x, slope = floating("prelu", x), floating("prelu", weight)
    if slope.shape != (1,):
        if x.ndim < 2 or slope.shape != (x.shape[1],):
            raise ShapeError(
                f"prelu: a weight of shape {slope.shape} for an input of shape "
                f"{x.shape}; expected (1,), or the channels of [N, C, ...]"
            )
        slope = reshape(slope, (-1, *(1,) * (x.ndim - 2)))
    return where(x > 0, x, slope * x)


def mish(x: Any) -> Tensor:
    """x · tanh(softplus(x)) (Misra 2019).

    >>> import neurenix as nx
    >>> round(nx.nn.functional.mish(nx.tensor(1.0)).item(), 4)
    0.8651
    """
    x = floating("mish", x)
    return x * tanh(softplus(x))


def selu(x: Any) -> Tensor:
    """1.0507 · x where x > 0, else 1.0507 · 1.6733 · (eˣ − 1) (Klambauer et al. 2017).

    >>> import neurenix as nx
    >>> round(nx.nn.functional.selu(nx.tensor(1.0)).item(), 4)
    1.0507
    """
    return elu(floating("selu", x), 1.6732632423543772) * 1.0507009873554805


def softsign(x: Any) -> Tensor:
    """x / (1 + |x|).

    >>> import neurenix as nx
    >>> nx.nn.functional.softsign(nx.tensor([-1.0, 3.0])).tolist()
    [-0.5, 0.75]
    """
    x = floating("softsign", x)
    return x / (absolute(x) + 1.0)


def glu(x: Any, axis: Any = None, *, dim: Any = None) -> Tensor:
    """a · sigmoid(b) of the two halves a and b of an axis, the last by default.

    Raises ShapeError where it has no halves.

    >>> import neurenix as nx
    >>> nx.nn.functional.glu(nx.tensor([4.0, 0.0])).tolist()
    [2.0]
    """
    x = floating("glu", x)
    given = axis_or_dim("glu", axis, dim)
    at = one_axis("glu", -1 if given is None else given, x.ndim)
    n = x.shape[at]
    if n % 2:
        raise ShapeError(f"glu: axis {at} of shape {x.shape} has no halves")
    return cut(x, at, 0, n // 2) * sigmoid(cut(x, at, n // 2, n))
