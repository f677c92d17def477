"""Shapes and values that Hypothesis makes, and how results on them are compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ..dtypes import Dtype, as_dtype, float64
from ..primitives import ops
from ..tensor import tensor

_CHECKS: Any = HealthCheck  # an enumeration that no type checker knows as one

# The same examples in each run: a device conforms, or it does not.
EXAMPLES = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(_CHECKS),
)
_SPECIAL = (float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1.0, -1.0, 0.5, -2.5)

shapes = hnp.array_shapes(min_dims=0, max_dims=8, min_side=0, max_side=3)
full_shapes = hnp.array_shapes(min_dims=0, max_dims=8, min_side=1, max_side=3)


def pairs() -> st.SearchStrategy[Any]:
    """Two shapes that broadcast, and what they broadcast to."""
    return hnp.mutually_broadcastable_shapes(
        num_shapes=2, max_dims=8, min_side=0, max_side=3
    )


def values(
    dtype: Dtype, shape: tuple[int, ...], *, special: bool = True
) -> st.SearchStrategy[Any]:
    """Arrays of a shape, with ties; of floats also NaN, infinities and denormals."""
    if dtype.kind == "bool":
        return hnp.arrays(bool, shape)
    if not dtype.is_floating:
        low = 0 if dtype.kind == "uint" else -5
        return hnp.arrays(dtype.numpy, shape, elements=st.integers(low, 5))
    tiny = float(np.finfo(dtype.numpy).smallest_subnormal) * 3
    plain: st.SearchStrategy[float] = st.integers(-400, 400).map(lambda n: n / 8)
    if special:
        plain = st.one_of(st.sampled_from((*_SPECIAL, tiny, -tiny)), plain)
    return hnp.arrays(dtype.numpy, shape, elements=plain, fill=plain)


def axes_of(rank: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Any of the axes, in order."""
    if not rank:
        return st.just(())
    return st.sets(st.integers(0, rank - 1)).map(lambda s: tuple(sorted(s)))


def check_random(primitive: str, arrays: Sequence[Any], **params: Any) -> None:
    """The device's values, each by itself, against the NumPy reference.

    Infinities and NaN stand where they should; a result below the smallest normal
    number may be 0.
    """
    rule = getattr(ops, primitive)
    with np.errstate(all="ignore"):
        expected = rule.reference(*[np.array(a) for a in arrays], **params)[0]
        found = rule(*[tensor(a, dtype=as_dtype(a.dtype)) for a in arrays], **params)
    given = found.numpy()
    assert given.shape == expected.shape, f"{primitive}: shape {given.shape}"
    if given.dtype.kind != "f":
        wrong = given != expected
    else:
        bound = 1e-12 if found.dtype is float64 else 4e-6
        with np.errstate(all="ignore"):
            near = np.abs(given - expected) <= bound * np.maximum(1, np.abs(expected))
        both_nan = np.isnan(given) & np.isnan(expected)
        wrong = ~(near | both_nan | (given == expected))
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        inputs = [np.asarray(a).tolist() for a in arrays]
        raise AssertionError(
            f"{primitive}: {given[at]!r} at {at}, expected {expected[at]!r}; "
            f"inputs {inputs}, parameters {params}"
        )
