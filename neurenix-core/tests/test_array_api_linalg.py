"""The standard's extension linalg, against NumPy's, and its derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurenix as nx
import neurenix.array_api as xp
from neurenix.errors import InvalidArgumentError, NeurenixError, ShapeError

RNG = np.random.default_rng(0)
SQUARE = RNG.normal(0, 1, (2, 4, 4)) + 3 * np.eye(4)
MATRIX = RNG.normal(0, 1, (2, 3, 4))
VECTOR = RNG.normal(0, 1, 4)
INF = float("inf")

CASES: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("cholesky", (SQUARE @ np.swapaxes(SQUARE, -1, -2),), {}),
    ("cholesky", (SQUARE @ np.swapaxes(SQUARE, -1, -2),), {"upper": True}),
    ("cross", (MATRIX[..., :3], MATRIX[0, :, 1:]), {}),
    ("cross", (MATRIX, MATRIX[::-1]), {"axis": -2}),
    ("det", (SQUARE,), {}),
    ("diagonal", (MATRIX,), {"offset": 1}),
    ("inv", (SQUARE,), {}),
    ("matmul", (MATRIX, SQUARE), {}),
    ("eigvalsh", (SQUARE + np.swapaxes(SQUARE, -1, -2),), {}),
    *(("matrix_norm", (MATRIX,), {"ord": o})
      for o in ("fro", "nuc", 1, -1, 2, -2, INF, -INF)),
    ("matrix_norm", (MATRIX,), {"ord": "nuc", "keepdims": True}),
    ("matrix_rank", (MATRIX,), {}),
    ("matrix_rank", (MATRIX,), {"rtol": 0.5}),
    ("pinv", (MATRIX,), {}),
    ("svdvals", (MATRIX,), {}),
    ("matrix_norm", (MATRIX,), {"ord": 1, "keepdims": True}),
    *(("matrix_power", (SQUARE, n), {}) for n in (-3, -1, 0, 1, 2, 5)),
    ("matrix_transpose", (MATRIX,), {}),
    ("outer", (VECTOR, VECTOR[:2]), {}),
    ("slogdet", (SQUARE,), {}),
    ("solve", (SQUARE, VECTOR), {}),
    ("solve", (SQUARE, np.swapaxes(MATRIX, -1, -2)), {}),
    ("tensordot", (MATRIX, MATRIX), {"axes": ((0, 2), (0, 2))}),
    ("trace", (MATRIX,), {"offset": -1}),
    ("trace", (np.arange(9, dtype=np.int32).reshape(3, 3),), {}),
    ("vecdot", (MATRIX, VECTOR), {}),
    ("vector_norm", (MATRIX,), {}),
    *(("vector_norm", (MATRIX,), {"ord": o, "axis": (0, 2)})
      for o in (0, 1, 2, 3, 0.5, -2, INF, -INF)),
    ("vector_norm", (VECTOR,), {"keepdims": True}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "options"), CASES)
def test_against_numpy(device: str, name: str, args: Any, options: Any) -> None:
    ours = [xp.asarray(a) if isinstance(a, np.ndarray) else a for a in args]
    expected = getattr(np.linalg, name)(*args, **options)
    found = getattr(xp.linalg, name)(*ours, **options)
    pairs = zip(found, expected, strict=True) if name == "slogdet" else [(found,
                expected)]  # fmt: skip
    for mine, theirs in pairs:
        assert mine.shape == np.shape(theirs)
        np.testing.assert_allclose(mine.numpy(), theirs, rtol=1e-10, atol=1e-12)


def test_factors_that_are_products(device: str) -> None:
    symmetric = SQUARE + np.swapaxes(SQUARE, -1, -2)
    w, v = xp.linalg.eigh(xp.asarray(symmetric))
    np.testing.assert_allclose((v * w[:, None] @ v.mT).numpy(), symmetric, atol=1e-12)
    q, r = xp.linalg.qr(xp.asarray(MATRIX), mode="complete")
    np.testing.assert_allclose((q @ r).numpy(), MATRIX, atol=1e-12)
    u, s, vh = xp.linalg.svd(xp.asarray(MATRIX), full_matrices=False)
    np.testing.assert_allclose((u * s[:, None] @ vh).numpy(), MATRIX, atol=1e-12)


@pytest.mark.parametrize("name", ["matrix_norm", "vector_norm"])
@pytest.mark.parametrize("order", [1, INF, -INF])
def test_derivatives_of_norms(device: str, name: str, order: float) -> None:
    norm = getattr(xp.linalg, name)
    x, along = xp.asarray(MATRIX), xp.asarray(RNG.normal(0, 1, MATRIX.shape))
    slope = (nx.grad(lambda x: norm(x, ord=order).sum())(x) * along).sum().item()
    h = 1e-6
    ends = [norm(x + sign * h * along, ord=order).sum().item() for sign in (1, -1)]
    assert slope == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda x: xp.linalg.matrix_norm(x, ord=3), InvalidArgumentError, "ord=3"),
        (lambda x: xp.linalg.matrix_norm(x[0, 0]), ShapeError, r"expected matrices"),
        (lambda x: xp.linalg.matrix_power(x, 2), ShapeError, "expected square"),
        (lambda x: xp.linalg.cross(x, x), ShapeError, "expected 3 along axis -1"),
        (lambda x: xp.linalg.outer(x, x), ShapeError, "expected vectors"),
    ],
)
def test_bad_input(call: Any, error: type[NeurenixError], told: str) -> None:
    with pytest.raises(error, match=told):
        call(xp.asarray(MATRIX))
