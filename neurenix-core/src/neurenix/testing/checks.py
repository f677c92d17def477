"""The checks of a case: values, vmap, map, compile. Derivatives have a file of their
own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

import neurenix as nx

from ..dtypes import Dtype, as_dtype, float64
from ..primitives import ops
from ..tensor import Tensor, tensor
from .case import Case
from .corner_cases import Corner


def seeded(case: Case) -> np.random.Generator:
    """The same inputs in each run."""
    return np.random.default_rng(sum(map(ord, str(case))))


def relative_error(found: Any, expected: Any) -> float:
    """The largest difference, relative to the largest expected value (or 1)."""
    a, b = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    if a.shape != b.shape:
        raise AssertionError(f"shape {a.shape}, expected {b.shape}")
    if not a.size:
        return 0.0
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    scale = max(1.0, float(np.max(np.abs(b[np.isfinite(b)]), initial=0)))
    with np.errstate(invalid="ignore"):
        difference = np.where(same, 0.0, np.abs(a - b))
    return float(np.max(difference)) / scale


def call(case: Case, tensors: Sequence[Tensor]) -> list[Tensor]:
    """The case's primitive on them."""
    primitive = getattr(ops, case.primitive)
    outputs = primitive(*tensors, **case.params)
    return list(outputs) if primitive.many else [outputs]


def _tensors(arrays: Sequence[Any]) -> list[Tensor]:
    return [tensor(a, dtype=as_dtype(a.dtype)) for a in arrays]


def check_forward(case: Case, dtype: Dtype) -> None:
    """The device's values against the NumPy reference."""
    arrays = case.inputs(seeded(case), dtype)
    primitive = getattr(ops, case.primitive)
    reference = primitive.reference(*arrays, **case.params)
    for found, expected in zip(call(case, _tensors(arrays)), reference, strict=True):
        exact = not found.dtype.is_floating or primitive.family in (
            "movement",
            "source",
        )
        bound = 0.0 if exact else 1e-12 if dtype is float64 else case.tolerance
        error = relative_error(found.numpy(), expected)
        assert error <= bound, (
            f"{case} in {dtype.name}: relative error {error:.3g}, allowed {bound}"
        )


# Of equal values, 0 and -0 among them, some may give either; what is made of other
# primitives, or rounds to 0, may lose its sign.
_EITHER_ZERO = {
    *("max", "min", "maximum", "minimum"),
    *("sign", "floor", "round", "log1p", "atan"),
}


def check_corner(corner: Corner) -> None:
    """Every bit of the device's values, eager and compiled, against the reference."""
    primitive = getattr(ops, corner.primitive)
    with np.errstate(all="ignore"):
        arrays = [
            np.array(values, np.float64 if dtype.is_floating else np.int64).astype(
                dtype.numpy
            )
            for values, dtype in zip(corner.values, corner.dtypes, strict=True)
        ]
    reference = primitive.reference(*arrays, **corner.params)

    def run(*tensors: Tensor) -> tuple[Tensor, ...]:
        outputs = primitive(*tensors, **corner.params)
        return tuple(outputs) if primitive.many else (outputs,)

    tensors = [
        tensor(array, dtype=dtype)
        for array, dtype in zip(arrays, corner.dtypes, strict=True)
    ]
    for how in (run, nx.compile(run)):
        for output, expected in zip(how(*tensors), reference, strict=True):
            found = output.numpy()
            wrong = ~_same_values(found, expected, corner.primitive in _EITHER_ZERO)
            assert not wrong.any(), (
                f"{corner}: of {_at(corner, wrong)} found {found[wrong]}, "
                f"expected {np.asarray(expected)[wrong]}"
            )


def _same_values(found: Any, expected: Any, either_zero: bool) -> Any:
    if found.dtype != expected.dtype or found.shape != expected.shape:
        raise AssertionError(f"{found.dtype} {found.shape}")
    if found.dtype.kind in "iub":
        return found == expected
    a, b = found.astype(np.float64), expected.astype(np.float64)
    signs = either_zero | (np.signbit(a) == np.signbit(b))
    return ((a == b) & signs) | (np.isnan(a) & np.isnan(b))


def _at(corner: Corner, wrong: Any) -> list[Any]:
    """The inputs of what is wrong, where an output belongs to one of each."""
    if wrong.shape != (len(corner.values[0]),):
        return list(corner.values)
    places = np.flatnonzero(wrong)[:8]
    return [tuple(values[i] for values in corner.values) for i in places]


def numeric_gradient(
    f: Callable[[list[Any]], float],
    arrays: Sequence[Any],
    directions: Sequence[Any],
    step: float = 1e-5,
) -> float:
    """The derivative along the directions, by fourth-order central differences."""

    def at(t: float) -> float:
        return f([a + t * d for a, d in zip(arrays, directions, strict=True)])

    return (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)


def check_batch(case: Case, dtype: Dtype) -> None:
    """vmap against a loop, with each non-empty choice of batched inputs."""
    for flags, stacked, looped in _batches(case, dtype):
        axes = tuple(0 if f else None for f in flags)
        found = nx.vmap(lambda *xs: call(case, xs), in_axes=axes)(*_tensors(stacked))
        _compare(case, dtype, found, looped, f"vmap, batched {flags}")


def check_map(case: Case, dtype: Dtype) -> None:
    """A compiled map, which engines run unexpanded, against a loop."""
    for flags, stacked, looped in _batches(case, dtype):
        if not all(flags):
            continue
        mapped = nx.compile(nx.map(lambda *xs: call(case, xs)))
        _compare(case, dtype, mapped(*_tensors(stacked)), looped, "map")


def _batches(case: Case, dtype: Dtype) -> Iterator[tuple[Any, list[Any], list[Any]]]:
    """The batched inputs' flags, the inputs, and the results of a loop over them."""
    rng = seeded(case)
    size = 3
    for flags in product((True, False), repeat=len(case.shapes)):
        if not any(flags):
            continue
        rows = [case.inputs(rng, dtype) for _ in range(size)]
        stacked = [
            np.stack([r[i] for r in rows]) if f else rows[0][i]
            for i, f in enumerate(flags)
        ]
        looped = [
            call(
                case,
                _tensors(
                    [s[k] if f else s for s, f in zip(stacked, flags, strict=True)]
                ),
            )
            for k in range(size)
        ]
        columns = [np.stack([p.numpy() for p in parts]) for parts in zip(*looped)]
        yield flags, stacked, columns


def _compare(
    case: Case,
    dtype: Dtype,
    found: Sequence[Tensor],
    looped: Sequence[Any],
    what: str,
) -> None:
    bound = 1e-12 if dtype is float64 else case.tolerance
    for y, expected in zip(found, looped, strict=True):
        error = relative_error(y.numpy(), expected)
        assert error <= bound, (
            f"{case}, {what}: relative error {error:.3g} against a loop"
        )


def check_compiled(case: Case, dtype: Dtype) -> None:
    """compile against eager; within one program, behind and before other operations."""
    arrays = _tensors(case.inputs(seeded(case), dtype))

    def function(*xs: Tensor) -> Any:
        results: list[Tensor] = []
        for y in call(case, xs):
            whole = (y * 2 + 1).sum() if y.dtype.is_floating else (y == y).all()
            results += [y, whole, nx.transpose(y)]
        return results

    eager, compiled = function(*arrays), nx.compile(function)(*arrays)
    bound = 1e-8 if dtype is float64 else max(case.tolerance, 1e-5)
    for a, b in zip(eager, compiled, strict=True):
        error = relative_error(b.numpy(), a.numpy())
        assert error <= bound, f"{case}: compiled and eager differ by {error:.3g}"
