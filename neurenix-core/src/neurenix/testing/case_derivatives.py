"""Checks the first and second derivatives of a case along random directions.

Where a device has float64: in float64, against differences. Elsewhere no difference
tells anything: in float32, against the reference device in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

import neurenix as nx

from ..backends import discovery
from ..devices import Device, DeviceType
from ..dtypes import Dtype, as_dtype, float32, float64
from ..primitives import ops
from ..tensor import Tensor, tensor
from .case import Case
from .checks import call, numeric_gradient, seeded

EXACT = 1e-6  # relative, against differences in float64
LOSSY = 1e-2  # where the case itself rounds to fewer digits
SINGLE = (1e-4, 1e-3)  # in float32: of the first derivative, and of the second
LARGEST = float(np.finfo(np.float32).max)  # beyond it float32 has nothing to compare


def check_derivatives(case: Case) -> None:
    """First and second derivatives along random directions, on this device: in float64
    against finite differences (relative 1e-6); where the device has no float64, in
    float32 against the reference device in float64 (1e-4, 1e-3).

    Raises AssertionError with both numbers.
    """
    device = nx.current_device()
    wide = float64_is_there(device)
    points = _Points.drawn(case, float64 if wide else float32)
    if points is None:
        return
    loss = points.loss(case, device, float64 if wide else float32)
    if wide:
        _against_differences(case, points, loss)
        return
    exact = points.loss(case, Device(DeviceType("reference"), 0), float64)
    for order, bound in enumerate(SINGLE, 1):
        expected = points.slope(exact, order)
        if abs(expected) > LARGEST:
            return
        found = points.slope(loss, order)
        if points.lossy:
            bound = LOSSY
        _compare(case, order, found, expected, bound, "by the reference in float64")
        if points.lossy:
            return


def float64_is_there(device: Device) -> bool:
    """Whether a device can be asked for float64."""
    return float64 in discovery.backend(device.type).capabilities(device.index).dtypes


@dataclass(frozen=True)
class _Loss:
    """The case's outputs as one number, on one device in one dtype."""

    function: Callable[..., Tensor]
    number: Callable[[Any], Tensor]  # puts an array there


@dataclass(frozen=True)
class _Points:
    """Inputs of a case, weights of its outputs, and two directions.

    moving   which inputs are floats
    """

    arrays: list[Any]
    moving: list[int]
    weights: Any
    directions: tuple[list[Any], list[Any]]
    lossy: bool

    @staticmethod
    def drawn(case: Case, dtype: Dtype) -> _Points | None:
        """In float64, of numbers that `dtype` has; None where nothing is to derive."""
        rng = seeded(case)
        arrays = [
            a.astype(dtype.numpy).astype(np.float64) if a.dtype == np.float64 else a
            for a in case.inputs(rng, float64)
        ]
        output = getattr(ops, case.primitive).reference(*arrays, **case.params)[0]
        if output.dtype.kind != "f" or not output.size:
            return None
        moving = [i for i, a in enumerate(arrays) if a.dtype == np.float64]
        weights = rng.normal(0, 1, output.shape)
        first, second = (
            [rng.normal(0, 1, arrays[i].shape) for i in moving] for _ in range(2)
        )
        lossy = case.params.get("dtype") not in (None, float64, dtype)
        return _Points(arrays, moving, weights, (first, second), lossy)

    @property
    def floats(self) -> list[Any]:
        return [self.arrays[i] for i in self.moving]

    def loss(self, case: Case, device: Device, dtype: Dtype) -> _Loss:
        def number(array: Any) -> Tensor:
            return tensor(array, dtype=dtype, device=device)

        rest = [
            None if i in self.moving else tensor(a, as_dtype(a.dtype), device)
            for i, a in enumerate(self.arrays)
        ]
        weights = number(self.weights)

        def loss(*floats: Tensor) -> Tensor:
            given = iter(floats)
            y = call(case, [next(given) if x is None else x for x in rest])[0]
            y = y if y.dtype is dtype else y.to(dtype)
            return (y * weights + y * y * 0.25).sum()

        return _Loss(loss, number)

    def slope(self, loss: _Loss, order: int) -> float:
        """The derivative along the first direction, or that of it along the second."""
        along = loss.function
        for directions in self.directions[:order]:
            along = self._along(along, [loss.number(d) for d in directions])
        return float(along(*map(loss.number, self.floats)))

    def _along(
        self, f: Callable[..., Tensor], directions: Sequence[Tensor]
    ) -> Callable[..., Tensor]:
        numbers = tuple(range(len(directions)))

        def along(*floats: Tensor) -> Tensor:
            gradient = nx.grad(f, numbers)(*floats)
            terms = [(g * d).sum() for g, d in zip(gradient, directions, strict=True)]
            return reduce(Tensor.__add__, terms)

        return along


def _against_differences(case: Case, points: _Points, loss: _Loss) -> None:
    bound = LOSSY if points.lossy else EXACT
    along = loss.function
    for order, directions in enumerate(points.directions, 1):

        def value(xs: list[Any], f: Callable[..., Tensor] = along) -> float:
            return float(f(*map(loss.number, xs)))

        expected = numeric_gradient(value, points.floats, directions, 1e-4)
        found = points.slope(loss, order)
        _compare(case, order, found, expected, bound, "by differences")
        if points.lossy:
            return
        along = points._along(along, [loss.number(d) for d in directions])


def _compare(
    case: Case, order: int, found: float, expected: float, bound: float, how: str
) -> None:
    name = "derivative" if order == 1 else "second derivative"
    assert abs(found - expected) <= bound * max(1, abs(expected)), (
        f"{case}: {name} {found}, {how} {expected}"
    )
