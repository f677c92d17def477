"""A case: one primitive on inputs of some shapes, and how they are drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..dtypes import Dtype, as_dtype, bool_, float32, float64, int32, uint8, uint32

FLOATS = (float32, float64)
INTEGERS = (int32, uint8, uint32)


@dataclass(frozen=True)
class Case:
    """One primitive on inputs of these shapes.

    make    draws an input of a shape
    fixed   gives an input a dtype of its own (an index, a condition)
    """

    primitive: str
    shapes: tuple[tuple[int, ...], ...]
    params: dict[str, Any]
    dtypes: tuple[Dtype, ...] = FLOATS
    make: Callable[[np.random.Generator, tuple[int, ...]], Any] | None = None
    fixed: tuple[tuple[int, str, int], ...] = ()  # (which input, dtype, values below)
    differentiable: bool = True
    tolerance: float = 2e-6  # relative, float32

    def __str__(self) -> str:
        shapes = "x".join("(" + ",".join(map(str, s)) + ")" for s in self.shapes)
        params = ",".join(f"{k}={v}" for k, v in self.params.items())
        return f"{self.primitive}-{shapes}-{params}".replace(" ", "")

    def inputs(self, rng: np.random.Generator, dtype: Dtype) -> list[Any]:
        """One array for each input."""
        fixed = {i: (as_dtype(d), below) for i, d, below in self.fixed}
        arrays = []
        for i, shape in enumerate(self.shapes):
            if i in fixed:
                kind, below = fixed[i]
                arrays.append(rng.integers(0, below, shape).astype(kind.numpy))
            elif dtype is bool_:
                arrays.append(rng.integers(0, 2, shape).astype(bool))
            elif dtype.is_floating:
                draw = self.make or (lambda r, s: r.normal(0, 1, s))
                arrays.append(np.asarray(draw(rng, shape), dtype.numpy))
            else:
                low = 0 if dtype.kind == "uint" else -20
                arrays.append(rng.integers(low, 20, shape).astype(dtype.numpy))
        return arrays


def positive(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.uniform(0.2, 3, shape)


def distinct(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Values far from each other and from 0, so that no kink is near."""
    count = int(np.prod(shape, dtype=int))
    return (rng.permutation(count) - count / 2 + 0.37).reshape(shape) * 0.25
