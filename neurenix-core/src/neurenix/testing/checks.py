"""The checks of a case: values, first and second derivatives, vmap, compile."""

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


def _seed(case: Case) -> np.random.Generator:
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


def _call(case: Case, tensors: Sequence[Tensor]) -> list[Tensor]:
    primitive = getattr(ops, case.primitive)
    outputs = primitive(*tensors, **case.params)
    return list(outputs) if primitive.many else [outputs]


def _tensors(arrays: Sequence[Any]) -> list[Tensor]:
    return [tensor(a, dtype=as_dtype(a.dtype)) for a in arrays]


def check_forward(case: Case, dtype: Dtype) -> None:
    """The device's values against the NumPy reference."""
    arrays = case.inputs(_seed(case), dtype)
    primitive = getattr(ops, case.primitive)
    reference = primitive.reference(*arrays, **case.params)
    for found, expected in zip(_call(case, _tensors(arrays)), reference, strict=True):
        exact = not found.dtype.is_floating or primitive.family in (
            "movement",
            "source",
        )
        bound = 0.0 if exact else 1e-12 if dtype is float64 else case.tolerance
        error = relative_error(found.numpy(), expected)
        assert error <= bound, (
            f"{case} in {dtype.name}: relative error {error:.3g}, allowed {bound}"
        )


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


def check_derivatives(case: Case) -> None:
    """First and second derivatives along random directions, against finite differences
    in float64."""
    rng = _seed(case)
    arrays = case.inputs(rng, float64)
    moving = [i for i, a in enumerate(arrays) if a.dtype == np.float64]
    output = getattr(ops, case.primitive).reference(*arrays, **case.params)[0]
    if output.dtype.kind != "f" or not output.size:
        return
    weights = tensor(rng.normal(0, 1, output.shape), dtype=float64)

    def loss(*floats: Tensor) -> Tensor:
        full: list[Any] = _tensors(arrays)
        for i, x in zip(moving, floats, strict=True):
            full[i] = x
        y = _call(case, full)[0]
        y = y if y.dtype is float64 else y.to(float64)
        return (y * weights + y * y * 0.25).sum()

    points = [arrays[i] for i in moving]
    first = [rng.normal(0, 1, p.shape) for p in points]
    second = [rng.normal(0, 1, p.shape) for p in points]
    numbers = tuple(range(len(points)))

    def along(*floats: Tensor) -> Tensor:
        gradient = nx.grad(loss, numbers)(*floats)
        total = tensor(0.0, dtype=float64)
        for g, d in zip(gradient, first, strict=True):
            total = total + (g * tensor(d, dtype=float64)).sum()
        return total

    def value(f: Callable[..., Tensor]) -> Callable[[list[Any]], float]:
        return lambda xs: float(f(*[tensor(x, dtype=float64) for x in xs]))

    inputs = [tensor(p, dtype=float64) for p in points]
    found = float(along(*inputs))
    expected = numeric_gradient(value(loss), points, first, 1e-4)
    lossy = case.params.get("dtype") is not None and case.params["dtype"] is not float64
    bound = 1e-2 if lossy else 1e-6
    assert abs(found - expected) <= bound * max(1, abs(expected)), (
        f"{case}: derivative {found}, by differences {expected}"
    )
    if lossy:
        return
    gradient = nx.grad(along, numbers)(*inputs)
    curved = sum(
        float((g * tensor(d, dtype=float64)).sum())
        for g, d in zip(gradient, second, strict=True)
    )
    expected = numeric_gradient(value(along), points, second, 1e-4)
    assert abs(curved - expected) <= 1e-6 * max(1, abs(expected)), (
        f"{case}: second derivative {curved}, by differences {expected}"
    )


def check_batch(case: Case, dtype: Dtype) -> None:
    """vmap against a loop, with each non-empty choice of batched inputs."""
    for flags, stacked, looped in _batches(case, dtype):
        axes = tuple(0 if f else None for f in flags)
        found = nx.vmap(lambda *xs: _call(case, xs), in_axes=axes)(*_tensors(stacked))
        _compare(case, dtype, found, looped, f"vmap, batched {flags}")


def check_map(case: Case, dtype: Dtype) -> None:
    """A compiled map, which engines run unexpanded, against a loop."""
    for flags, stacked, looped in _batches(case, dtype):
        if not all(flags):
            continue
        mapped = nx.compile(nx.map(lambda *xs: _call(case, xs)))
        _compare(case, dtype, mapped(*_tensors(stacked)), looped, "map")


def _batches(case: Case, dtype: Dtype) -> Iterator[tuple[Any, list[Any], list[Any]]]:
    """The batched inputs' flags, the inputs, and the results of a loop over them."""
    rng = _seed(case)
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
            _call(
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
    arrays = _tensors(case.inputs(_seed(case), dtype))

    def function(*xs: Tensor) -> Any:
        results: list[Tensor] = []
        for y in _call(case, xs):
            whole = (y * 2 + 1).sum() if y.dtype.is_floating else (y == y).all()
            results += [y, whole, nx.transpose(y)]
        return results

    eager, compiled = function(*arrays), nx.compile(function)(*arrays)
    bound = 1e-8 if dtype is float64 else max(case.tolerance, 1e-5)
    for a, b in zip(eager, compiled, strict=True):
        error = relative_error(b.numpy(), a.numpy())
        assert error <= bound, f"{case}: compiled and eager differ by {error:.3g}"
