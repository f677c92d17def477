"""QR, eigenvalues, singular values: against NumPy on matrices that are hard, and to the
second derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import linalg
from neurenix.errors import DtypeError, InvalidArgumentError, ShapeError
from neurenix.testing.derivatives import check_function

HARD: dict[str, Callable[[np.random.Generator, int], Any]] = {
    "normal": lambda rng, n: rng.normal(0, 1, (n, n)),
    "identity": lambda rng, n: np.eye(n),
    "zero": lambda rng, n: np.zeros((n, n)),
    "ones": lambda rng, n: np.ones((n, n)),
    "graded": lambda rng, n: _between(rng, np.logspace(0, -12, n)),
    "graded rows": lambda rng, n: np.logspace(8, -8, n)[:, None] * rng.normal(
        0, 1, (n, n)
    ),
    "graded columns": lambda rng, n: rng.normal(0, 1, (n, n)) * np.logspace(-8, 8, n),
    "two values": lambda rng, n: _between(
        rng, np.where(np.arange(n) < n // 2, 1, 1e-3)
    ),
    "close values": lambda rng, n: _between(rng, 1 + 1e-10 * np.arange(n)),
    "Hilbert": lambda rng, n: 1 / (1 + np.add.outer(np.arange(n), np.arange(n))),
    "Kahan": lambda rng, n: 0.8 ** np.arange(n)[:, None]
    * (np.eye(n) - 0.6 * np.triu(np.ones((n, n)), 1)),
    "rank 2": lambda rng, n: rng.normal(0, 1, (n, 2)) @ rng.normal(0, 1, (2, n)),
    "second differences": lambda rng, n: 2 * np.eye(n)
    - np.eye(n, k=1)
    - np.eye(n, k=-1),
    "huge": lambda rng, n: 1e30 * rng.normal(0, 1, (n, n)),
    "tiny": lambda rng, n: 1e-30 * rng.normal(0, 1, (n, n)),
}  # fmt: skip
# On the reference device each rotation is some NumPy calls.
SIZES = {"cpu": (1, 2, 3, 9, 24), "reference": (1, 5)}


def _between(rng: np.random.Generator, values: Any) -> Any:
    left, right = (np.linalg.qr(rng.normal(0, 1, (len(values),) * 2))[0] for _ in "ab")
    return left * values @ right


def _distance(found: Any, expected: Any, scale: float, dtype: str) -> float:
    """In units of the dtype's spacing, for entries up to `scale`."""
    assert found.shape == expected.shape
    most = np.abs(found.astype(np.float64) - expected).max(initial=0)
    return float(most / (scale or 1) / np.finfo(dtype).eps)


def _wide(tensors: Any) -> list[Any]:
    return [t.numpy().astype(np.float64) for t in tensors]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", HARD)
def test_hard_matrices(device: str, name: str, dtype: str) -> None:
    for n in SIZES[device]:
        a = HARD[name](np.random.default_rng(n), n).astype(dtype)
        bound = 30 + 2 * n
        for matrix in (a, a[:, : max(1, n // 2)], a[: max(1, n // 3)]):
            _check_svd(matrix, dtype, bound)
            _check_qr(matrix, dtype, bound)
        _check_eigh(a + a.T, dtype, bound)


def _check_svd(a: Any, dtype: str, bound: float) -> None:
    size = float(np.linalg.norm(a.astype(np.float64), 2))
    u, s, vh = _wide(linalg.svd(nx.tensor(a, dtype=dtype)))
    k = len(s)
    expected = np.linalg.svd(a.astype(np.float64))[1]
    assert _distance(u[:, :k] * s @ vh[:k], a, size, dtype) < bound
    assert _distance(u.T @ u, np.eye(len(u)), 1, dtype) < bound
    assert _distance(vh @ vh.T, np.eye(len(vh)), 1, dtype) < bound
    assert _distance(s, expected, size, dtype) < bound
    assert (np.diff(s) <= 0).all() and (s >= 0).all()


def _check_qr(a: Any, dtype: str, bound: float) -> None:
    size = float(np.linalg.norm(a.astype(np.float64), 2))
    for mode in ("reduced", "complete"):
        q, r = _wide(linalg.qr(nx.tensor(a, dtype=dtype), mode))
        shapes = [x.shape for x in np.linalg.qr(a, mode)]
        assert [q.shape, r.shape] == shapes
        assert _distance(q @ r, a, size, dtype) < bound
        assert _distance(q.T @ q, np.eye(q.shape[1]), 1, dtype) < bound
        assert (np.tril(r, -1) == 0).all()


def _check_eigh(a: Any, dtype: str, bound: float) -> None:
    size = float(np.linalg.norm(a.astype(np.float64), 2))
    w, v = _wide(linalg.eigh(nx.tensor(a, dtype=dtype)))
    assert _distance(v * w @ v.T, a, size, dtype) < bound
    assert _distance(v.T @ v, np.eye(len(v)), 1, dtype) < bound
    assert _distance(w, np.linalg.eigvalsh(a.astype(np.float64)), size, dtype) < bound
    assert (np.diff(w) >= 0).all()


# ---- derivatives ---------------------------------------------------------------------


def _projections(v: Any) -> Any:
    """What does not change with the signs of the columns: v_i v_iᵀ."""
    return v[..., :, None, :] * v[..., None, :, :]


def _whole(*parts: Any) -> Any:
    return nx.concat([p.reshape(-1) for p in parts])


FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any] | None]] = {
    "qr": (lambda x: _whole(*linalg.qr(x)), None),
    "r of the complete": (
        lambda x: linalg.qr(x, "complete").R.reshape(-1),
        lambda x: np.linalg.qr(x, "complete")[1].reshape(-1),
    ),
    "svdvals": (linalg.svdvals, lambda x: np.linalg.svd(x, compute_uv=False)),
    "svd": (lambda x: _whole(*_signless(*linalg.svd(x, full_matrices=False))), None),
    "pinv": (linalg.pinv, np.linalg.pinv),
}
SYMMETRIC: dict[str, tuple[Callable[..., Any], Callable[..., Any] | None]] = {
    "eigvalsh": (linalg.eigvalsh, lambda x: np.linalg.eigvalsh((x + x.T) / 2)),
    "eigh": (
        lambda x: _whole(*(lambda w, v: (w, _projections(v)))(*linalg.eigh(x))),
        None,
    ),
}


def _signless(u: Any, s: Any, vh: Any) -> Any:
    return s, _projections(u), u[..., :, None, :] * vh.T[..., None, :, :]


def apart(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Singular values (and eigenvalues) that are well apart, and full rank."""
    m, n = shape
    k = min(m, n)
    left = np.linalg.qr(rng.normal(0, 1, (m, m)))[0][:, :k]
    right = np.linalg.qr(rng.normal(0, 1, (n, n)))[0][:k]
    return left * np.arange(1, k + 1) @ right


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (1, 1)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives(device: str, name: str, shape: tuple[int, int]) -> None:
    if device == "reference" and shape[0] == shape[1] == 3:
        shape = (2, 2)
    function, expected = FUNCTIONS[name]
    check_function(function, expected, (shape,), apart)


@pytest.mark.parametrize("name", SYMMETRIC)
def test_derivatives_of_symmetric_ones(device: str, name: str) -> None:
    function, expected = SYMMETRIC[name]

    def make(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        v = np.linalg.qr(rng.normal(0, 1, shape))[0]
        return v * np.arange(1, shape[0] + 1) @ v.T

    check_function(function, expected, ((3, 3),), make)


def test_derivatives_of_values_where_they_are_equal(device: str) -> None:
    eye = nx.eye(3, dtype="float64")
    for f in (linalg.eigvalsh, linalg.svdvals):
        assert np.allclose(nx.grad(lambda x, f=f: f(x).sum())(eye).numpy(), np.eye(3))
    slope = nx.grad(lambda x: linalg.eigh(x).eigenvectors.sum())(eye)
    assert not nx.isfinite(slope).all()


@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (3, 3)])
def test_the_derivative_of_a_pseudo_inverse_at_low_rank(
    device: str, shape: tuple[int, int]
) -> None:
    rng = np.random.default_rng(0)
    m, n = shape
    a = rng.normal(0, 1, (m, 2)) @ rng.normal(0, 1, (2, n))
    # along which the rank stays: to both sides multiplied by something invertible
    left, right = rng.normal(0, 1, (m, m)), rng.normal(0, 1, (n, n))
    weights = rng.normal(0, 1, (n, m))

    def moved(h: float) -> Any:
        return (np.eye(m) + h * left) @ a @ (np.eye(n) + h * right)

    def loss(x: Any) -> Any:
        return (linalg.pinv(x, rtol=1e-9) * nx.tensor(weights, dtype="float64")).sum()

    slope = nx.grad(loss)(nx.tensor(a, dtype="float64")).numpy()
    h = 1e-6
    ends = [(np.linalg.pinv(moved(s * h), 1e-9) * weights).sum() for s in (1, -1)]
    along = (slope * (left @ a + a @ right)).sum()
    assert along == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-6)


def test_within_programs(device: str) -> None:
    rng = np.random.default_rng(0)
    x = nx.tensor(rng.normal(0, 1, (4, 3, 2)), dtype="float64")

    def loss(x: Any) -> Any:
        return linalg.svdvals(x).sum() + linalg.pinv(x).sum()

    def mean(x: Any) -> Any:
        return nx.map(loss, reduce="mean")(x)

    plain = nx.grad(lambda x: loss(x).sum() / 4)(x)
    found = nx.compile(nx.grad(mean))(x)
    assert np.allclose(found.numpy(), plain.numpy(), rtol=1e-10, atol=1e-12)
    along = nx.jvp(mean, (x,), (nx.ones_like(x),))[1]
    assert along.item() == pytest.approx(plain.sum().item(), rel=1e-10)


# ---- the rest ------------------------------------------------------------------------


def test_ranks(device: str) -> None:
    rng = np.random.default_rng(0)
    made = [rng.normal(0, 1, (5, r)) @ rng.normal(0, 1, (r, 4)) for r in range(5)]
    stacked = nx.tensor(np.stack(made))
    assert linalg.matrix_rank(stacked).tolist() == [0, 1, 2, 3, 4]
    values = nx.tensor([[1.0, 0.0], [0.0, 0.01]])
    assert [linalg.matrix_rank(values, rtol=r).item() for r in (0.1, 0.001)] == [1, 2]
    each = linalg.matrix_rank(nx.stack([values, values]), rtol=nx.tensor([0.1, 0.001]))
    assert each.tolist() == [1, 2]


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (2, 0, 0), (0, 3, 2)])
def test_empty_matrices(device: str, shape: tuple[int, ...]) -> None:
    x, array = nx.ones(*shape), np.ones(shape)
    for full in (True, False):
        for mine, theirs in zip(linalg.svd(x, full), np.linalg.svd(array, full)):
            assert mine.shape == theirs.shape
    assert linalg.pinv(x).shape == np.linalg.pinv(array).shape
    assert linalg.matrix_rank(x).shape == shape[:-2]
    for mode in ("reduced", "complete"):
        for mine, theirs in zip(linalg.qr(x, mode), np.linalg.qr(array, mode)):
            assert mine.shape == theirs.shape
    if shape[-1] == shape[-2]:
        assert [t.shape for t in linalg.eigh(x)] == [shape[:-1], shape]


def test_half_types_are_worked_on_in_float32() -> None:
    nx.init({"device": "reference"})
    x = nx.tensor([[3.0, 1.0], [1.0, 3.0]], dtype=nx.float16)
    w, v = linalg.eigh(x)
    assert w.dtype is nx.float16 and v.dtype is nx.float16
    assert np.allclose(w.numpy(), [2, 4], atol=1e-2)
    assert all(t.dtype is nx.float16 for t in (*linalg.svd(x), *linalg.qr(x)))
    assert linalg.pinv(x).dtype is nx.float16 and linalg.matrix_rank(x).item() == 2


def test_eigh_reads_the_lower_triangle_alone(device: str) -> None:
    x = np.array([[1.0, 9.0], [2.0, 3.0]])
    found = linalg.eigvalsh(nx.tensor(x, dtype="float64"))
    assert np.allclose(found.numpy(), np.linalg.eigvalsh(x))
    slope = nx.grad(lambda x: linalg.eigvalsh(x)[0])(nx.tensor(x, dtype="float64"))
    assert slope[0, 1].item() == 0 and slope[1, 0].item() != 0


def test_what_is_no_number_stays_none(device: str) -> None:
    x = nx.tensor([[np.nan, 1.0], [1.0, 2.0]])
    for found in (
        linalg.eigvalsh(x), linalg.svdvals(x), linalg.qr(x).R[0], linalg.svd(x).U,
    ):  # fmt: skip
        assert np.isnan(found.numpy()).all()


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        *(
            (f, ShapeError, rf"{f.__name__}: shape \(3,\)")
            for f in (linalg.qr, linalg.svd, linalg.svdvals, linalg.eigh,
                      linalg.eigvalsh, linalg.pinv, linalg.matrix_rank)
        ),
        (lambda x: linalg.eigh(nx.ones(2, 3)), ShapeError, "square"),
        (lambda x: linalg.eigvalsh(nx.ones(2, 3)), ShapeError, "square"),
        (lambda x: linalg.qr(nx.eye(2), "raw"), InvalidArgumentError, "'raw'"),
        (lambda x: linalg.svd("abc"), DtypeError, "'abc'"),
        (lambda x: linalg.pinv(nx.eye(2), rtol=-1.0), InvalidArgumentError, "-1.0"),
        (lambda x: linalg.pinv(nx.eye(2), rtol=x), ShapeError, r"\(3,\)"),
        (lambda x: linalg.pinv(x[None], rtol=True), InvalidArgumentError, "True"),
    ],
)  # fmt: skip
def test_bad_input(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call(nx.ones(3))
