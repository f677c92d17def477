"""Initial values of parameters. Each function changes the parameter and returns it.

They draw from `generator`, or nx's default one (nx.manual_seed).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .. import foreign_names, missing, random
from ..arguments import one_of
from ..errors import InvalidArgumentError, ShapeError
from ..random import Generator
from ..state.cell import Cell
from ..tensor import tensor

C = TypeVar("C", bound=Cell)

_GAINS = {
    "linear": 1.0,
    "conv2d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5.0 / 3.0,
    "relu": math.sqrt(2.0),
    "leaky_relu": 0.0,
}


def _cell(name: str, cell: Any) -> None:
    if not isinstance(cell, Cell):
        raise InvalidArgumentError(
            f"{name}: expected an nn.Parameter or nn.Buffer, not {type(cell).__name__}"
        )


def constant_(cell: C, value: float) -> C:
    """One value everywhere."""
    _cell("constant_", cell)
    cell.assign(np.full(cell.shape, value, cell.dtype.numpy))
    return cell


def zeros_(cell: C) -> C:
    return constant_(cell, 0.0)


def ones_(cell: C) -> C:
    return constant_(cell, 1.0)


def uniform_(
    cell: C, low: float = 0.0, high: float = 1.0, generator: Generator | None = None
) -> C:
    """U[low, high).

    >>> import neurenix as nx
    >>> w = nx.nn.init.uniform_(nx.nn.Parameter(nx.zeros(3)), -1.0, 1.0)
    >>> bool((w.abs() <= 1).all())
    True
    """
    _cell("uniform_", cell)
    if low > high:
        raise InvalidArgumentError(f"uniform_: low={low} is above high={high}")
    cell.assign(
        random.uniform(cell.shape, low, high, dtype=cell.dtype, generator=generator).to(
            cell.device
        )
    )
    return cell


def normal_(
    cell: C, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> C:
    """Gaussian numbers, N(mean, std²)."""
    _cell("normal_", cell)
    if std < 0:
        raise InvalidArgumentError(f"normal_: std={std}; expected 0 or more")
    cell.assign(
        random.normal(cell.shape, mean, std, dtype=cell.dtype, generator=generator).to(
            cell.device
        )
    )
    return cell


def trunc_normal_(
    cell: C,
    mean: float = 0.0,
    std: float = 1.0,
    low: float = -2.0,
    high: float = 2.0,
    generator: Generator | None = None,
) -> C:
    """N(mean, std²) restricted to [low, high]: Φ⁻¹(u), u uniform between Φ of the
    bounds."""
    _cell("trunc_normal_", cell)
    if std <= 0 or low >= high:
        raise InvalidArgumentError(
            f"trunc_normal_: std={std}, low={low}, high={high}; "
            "expected std > 0 and low < high"
        )
    phi = [
        0.5 * math.erfc((mean - bound) / (std * math.sqrt(2.0)))
        for bound in (low, high)
    ]
    unit = (
        random.uniform(cell.shape, dtype="float32", generator=generator)
        .numpy()
        .astype(np.float64)
    )
    drawn = mean + std * _normal_quantile(phi[0] + unit * (phi[1] - phi[0]))
    cell.assign(tensor(np.clip(drawn, low, high), dtype=cell.dtype, device=cell.device))
    return cell


def _normal_quantile(p: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Φ⁻¹ to a relative 1.2e-9, by P. J. Acklam's rational approximation (2003)."""
    p = np.clip(p, 1e-300, 1.0 - 1e-16)
    a = (
        -3.969683028665376e01,
        2.209460984245205e02,
        -2.759285104469687e02,
        1.383577518672690e02,
        -3.066479806614716e01,
        2.506628277459239e00,
    )
    b = (
        -5.447609879822406e01,
        1.615858368580409e02,
        -1.556989798598866e02,
        6.680131188771972e01,
        -1.328068155288572e01,
        1.0,
    )
    c = (
        -7.784894002430293e-03,
        -3.223964580411365e-01,
        -2.400758277161838e00,
        -2.549732539343734e00,
        4.374664141464968e00,
        2.938163982698783e00,
    )
    d = (
        7.784695709041462e-03,
        3.224671290700398e-01,
        2.445134137142996e00,
        3.754408661907416e00,
        1.0,
    )
    q = p - 0.5
    middle = q * np.polyval(a, q * q) / np.polyval(b, q * q)
    tail = np.sqrt(-2.0 * np.log(np.minimum(p, 1.0 - p)))
    outer = np.polyval(c, tail) / np.polyval(d, tail)
    return np.where(np.abs(q) <= 0.47575, middle, np.where(q < 0, outer, -outer))


def fans(cell: Cell) -> tuple[int, int]:
    """(inputs, outputs) that each element of a weight [out, in, ...] meets."""
    if cell.ndim < 2:
        raise ShapeError(
            f"init: a weight of shape {cell.shape} has no fan; expected [out, in, ...]"
        )
    window = math.prod(cell.shape[2:])
    return cell.shape[1] * window, cell.shape[0] * window


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much to widen weights before a nonlinearity: 1, 5/3 (tanh), √2 (relu),
    √(2 / (1 + slope²)) (leaky_relu).

    >>> from neurenix.nn import init
    >>> init.calculate_gain("tanh")
    1.6666666666666667
    """
    one_of("calculate_gain", "nonlinearity", nonlinearity, tuple(_GAINS))
    if nonlinearity == "leaky_relu":
        return math.sqrt(2.0 / (1.0 + (0.01 if param is None else param) ** 2))
    return _GAINS[nonlinearity]


def xavier_uniform_(
    cell: C, gain: float = 1.0, generator: Generator | None = None
) -> C:
    """U(±gain · √(6 / (fan_in + fan_out))); Glorot & Bengio 2010."""
    _cell("xavier_uniform_", cell)
    bound = gain * math.sqrt(6.0 / sum(fans(cell)))
    return uniform_(cell, -bound, bound, generator)


def xavier_normal_(cell: C, gain: float = 1.0, generator: Generator | None = None) -> C:
    """N(0, gain² · 2 / (fan_in + fan_out)); Glorot & Bengio 2010."""
    _cell("xavier_normal_", cell)
    return normal_(cell, 0.0, gain * math.sqrt(2.0 / sum(fans(cell))), generator)


def _kaiming_std(
    name: str, cell: Cell, a: float, mode: str, nonlinearity: str
) -> float:
    _cell(name, cell)
    one_of(name, "mode", mode, ("fan_in", "fan_out"))
    fan = fans(cell)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    cell: C,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> C:
    """U(±gain · √(3 / fan)), `a` being leaky_relu's slope; He et al. 2015."""
    bound = math.sqrt(3.0) * _kaiming_std(
        "kaiming_uniform_", cell, a, mode, nonlinearity
    )
    return uniform_(cell, -bound, bound, generator)


def kaiming_normal_(
    cell: C,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> C:
    """N(0, gain² / fan), `a` being leaky_relu's slope; He et al. 2015."""
    return normal_(
        cell,
        0.0,
        _kaiming_std("kaiming_normal_", cell, a, mode, nonlinearity),
        generator,
    )


if not TYPE_CHECKING:  # to a type checker every name would exist
    __getattr__ = missing.of_module(__name__, foreign_names.INIT)
