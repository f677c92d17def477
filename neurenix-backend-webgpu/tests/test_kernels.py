"""Each kind of kernel at sizes of which the conformance suite has no case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.primitives import ops
from neurenix_backend_webgpu.backend import WebGPUBackend

pytestmark = pytest.mark.usefixtures("webgpu")

Array = np.ndarray[Any, Any]


def numbers(*shape: int, seed: int = 0) -> Array:
    generator = np.random.default_rng([seed, *shape])
    return generator.standard_normal(shape).astype(np.float32)


def check(name: str, *arrays: Array, bound: float = 2e-6, **params: Any) -> None:
    """A primitive on the device, against its reference in float64; twice, bit for
    bit."""
    rule = getattr(ops, name)
    wide = [a.astype(np.float64) if a.dtype == np.float32 else a for a in arrays]
    expected = rule.reference(*wide, **params)
    found, again = ((_run(rule, arrays, params)) for _ in range(2))
    for one, same, right in zip(found, again, expected, strict=True):
        assert one.tobytes() == same.tobytes()
        assert one.shape == right.shape
        scale = max(1.0, float(np.abs(right).max(initial=0)))
        assert float(np.abs(one - right).max(initial=0)) <= bound * scale, name


def _run(rule: Any, arrays: Sequence[Array], params: Any) -> list[Array]:
    given = [nx.tensor(a, dtype=nx.dtypes.as_dtype(a.dtype)) for a in arrays]
    made = rule(*given, **params)
    many = made if isinstance(made, (list, tuple)) else [made]
    return [t.numpy() for t in many]


# ---- products ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("m", "k", "n"),
    [
        (1, 700, 1),  # lanes share the terms of a result
        (5, 1030, 9),  # of a block of results
        (131, 7, 129),  # blocks, an invocation each
        (65, 33, 70),  # one result in order
        (64, 64, 64),  # one tile
        (129, 100, 66),  # tiles that the edges cut
        (70, 2001, 65),  # parts of the terms
    ],
)
def test_product(m: int, k: int, n: int) -> None:
    params = {"lhs_contract": (1,), "rhs_contract": (0,)}
    batch: dict[str, Any] = {"lhs_batch": (), "rhs_batch": ()}
    check("dot_general", numbers(m, k), numbers(k, n, seed=1), **params, **batch)


def test_products_of_a_batch_with_turned_operands() -> None:
    params: dict[str, Any] = {
        "lhs_contract": (1,),
        "rhs_contract": (2,),
        "lhs_batch": (0,),
        "rhs_batch": (1,),
    }
    check("dot_general", numbers(3, 80, 90), numbers(70, 3, 80), **params)


def test_product_of_integers_wraps() -> None:
    a = np.full((3, 600), 1 << 20, np.int32)
    found = (nx.tensor(a) @ nx.tensor(a.T)).numpy()
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(found, a @ a.T)


# ---- convolutions --------------------------------------------------------------------

GEOMETRIES = [
    {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1)},
    {"stride": (2, 3), "padding": ((0, 2), (3, 1)), "dilation": (1, 2)},
    {"stride": (1, 2), "padding": ((2, 2), (0, 0)), "dilation": (2, 1)},
]


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize(
    ("batch", "images", "channels", "out", "size"),
    [((), 2, 1, 8, 19), ((2,), 2, 17, 20, 9), ((2, 2), 1, 3, 2, 9), ((), 6, 16, 48, 9)],
)
def test_convolution_and_its_gradients(
    geometry: dict[str, Any],
    batch: tuple[int, ...],
    images: int,
    channels: int,
    out: int,
    size: int,
) -> None:
    """With weights of each task's own where there is a batch."""
    params = {"batch": len(batch), **geometry}
    x = numbers(*batch, images, channels, size, size)
    w = numbers(*batch, out, channels, 3, 2, seed=1)
    y = ops.conv_general.reference(x, w, **params)[0]
    g = numbers(*y.shape, seed=2)
    check("conv_general", x, w, **params)
    check("conv_input_gradient", g, w, size=(size, size), **params)
    check("conv_weight_gradient", x, g, size=(3, 2), **params)


def test_grouped_convolution() -> None:
    x, w = numbers(2, 6, 9, 9), numbers(4, 3, 3, 3)
    found = nx.nn.functional.conv2d(nx.tensor(x), nx.tensor(w), groups=2).numpy()
    parts = [
        ops.conv_general.reference(
            x[:, 3 * k : 3 * k + 3],
            w[2 * k : 2 * k + 2],
            batch=0,
            stride=(1, 1),
            padding=((0, 0), (0, 0)),
            dilation=(1, 1),
        )[0]
        for k in range(2)
    ]
    np.testing.assert_allclose(found, np.concatenate(parts, 1), rtol=0, atol=2e-5)


# ---- reductions ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sum", "max", "min", "argmax"])
@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((300, 17), (0,)),  # lanes
        ((17, 5, 60), (1, 2)),
        ((3, 40000), (1,)),  # parts, but for argmax
        ((200000,), (0,)),
        ((2, 70000, 2), (1,)),
        ((6, 13, 11, 40), (0, 1, 2)),  # results beside each other
    ],
)
def test_reduction(name: str, shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    check(name, np.round(numbers(*shape), 1), axes=axes)


def test_the_first_nan_is_the_argmax_of_many() -> None:
    x = np.zeros((2, 3000), np.float32)
    x[0, [700, 2900]] = np.nan
    x[1, [255, 256, 511]] = np.inf
    check_exactly("argmax", x, axes=(1,))


def check_exactly(name: str, *arrays: Array, **params: Any) -> None:
    rule = getattr(ops, name)
    found = _run(rule, arrays, params)
    for one, right in zip(found, rule.reference(*arrays, **params), strict=True):
        np.testing.assert_array_equal(one, right)


def test_a_chain_that_stores_and_reduces() -> None:
    x, y = (nx.tensor(numbers(50, 400, seed=s)) for s in (1, 2))
    chain = nx.compile(lambda x, y: ((z := nx.exp(-(x * x)) * y), z.sum(1), z.mean(0)))
    for found, eager in zip(chain(x, y), chain.__wrapped__(x, y), strict=True):
        np.testing.assert_allclose(found.numpy(), eager.numpy(), rtol=1e-5, atol=1e-5)


# ---- along an axis, by index ---------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 50), (2, 300), (2, 2048), (2, 5000), (20000,)])
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.uint8])
def test_sort(shape: tuple[int, ...], dtype: Any) -> None:
    """Many ties; NaN, infinities and both zeros."""
    x = np.round(numbers(*shape) * 20)
    if dtype == np.float32:
        x.reshape(-1)[[1, 7, 9, 30, 31]] = [np.nan, np.inf, -np.inf, -0.0, np.nan]
    else:
        x = np.abs(x)
    check_exactly("sort", x.astype(dtype), axis=len(shape) - 1)


def test_sort_along_the_first_axis() -> None:
    check_exactly("sort", numbers(3000, 3), axis=0)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("shape", [(5, 40), (3, 5000), (257, 300)])
def test_cumsum(shape: tuple[int, ...], reverse: bool) -> None:
    check("cumsum", numbers(*shape), axis=1, reverse=reverse, bound=5e-6)
    check_exactly(
        "cumsum", numbers(*shape).astype(np.int32) * 99, axis=1, reverse=reverse
    )


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.uint8, np.float16])
def test_gather_and_scatter_of_every_size_of_element(dtype: Any) -> None:
    x = (numbers(7, 300, 3) * 50).astype(np.int32).astype(dtype)
    index = np.random.default_rng(0).integers(-3, 310, (41,)).astype(np.int32)
    news = (numbers(7, 41, 3, seed=1) * 2).astype(np.int32).astype(dtype)
    check_exactly("gather", x, index, axis=1, batch=0)
    check_exactly("scatter", x, index, news, axis=1, batch=0)
    check_exactly("scatter_add", x, index, news, axis=1, batch=0)


@pytest.mark.parametrize("name", ["scatter", "scatter_add"])
@pytest.mark.parametrize(("batch", "wide"), [(0, 1), (0, 2), (1, 1)])
def test_a_long_index_is_sorted_first(name: str, batch: int, wide: int) -> None:
    """The same sums as by reading all of it, in the same order."""
    lead, updates = (2,) * batch, ((3000,) if wide == 1 else (60, 50))
    x = numbers(*lead, 1500, 4)
    generator = np.random.default_rng(1)
    index = generator.integers(-9, 1510, (*lead, *updates)).astype(np.int32)
    news = numbers(*lead, *updates, 4, seed=1)
    assert x.size * 3000 > 1 << 24
    check_exactly(name, x, index, news, axis=batch, batch=batch)


def test_bytes_are_read_and_written_at_any_place() -> None:
    x = np.arange(255, dtype=np.uint8).reshape(5, 51)
    t = nx.tensor(x)
    np.testing.assert_array_equal(t[1:4, 3:50:2].numpy(), x[1:4, 3:50:2])
    joined = nx.cat([t[:, :3], t[:, 7:], t + t], 1).numpy()
    np.testing.assert_array_equal(
        joined, np.concatenate([x[:, :3], x[:, 7:], x + x], 1)
    )


@pytest.mark.parametrize("count", [1, 5, 1030])
def test_random_bits(count: int) -> None:
    key = np.array([12345, 0xFEDCBA98], np.uint32)
    check_exactly("random_bits", key, shape=(count,))


# ---- linear algebra ------------------------------------------------------------------


def test_factors() -> None:
    a = numbers(2, 3, 40, 40)
    check("lu", a, bound=1e-4)
    check("cholesky", a @ a.swapaxes(-1, -2) + 40 * np.eye(40, dtype=np.float32))
    heavy = a + 30 * np.eye(40, dtype=np.float32)
    for lower in (False, True):
        for transpose in (False, True):
            params = {"lower": lower, "transpose": transpose, "unit_diagonal": False}
            check("triangular_solve", heavy, numbers(2, 3, 40, 7), **params)


def test_a_matrix_that_is_not_positive_definite() -> None:
    a = np.stack([np.eye(5, dtype=np.float32), -np.eye(5, dtype=np.float32)])
    found = nx.linalg.cholesky(nx.tensor(a)).numpy()
    assert np.isfinite(found[0]).all() and np.isnan(found[1]).all()


# ---- one pipeline for many shapes ----------------------------------------------------


def test_twenty_shapes_take_one_pipeline(webgpu: WebGPUBackend) -> None:
    pipelines = webgpu.device(0).pipelines
    pairs = [
        (nx.tensor(numbers(n, k)), nx.tensor(numbers(n, k, seed=1)))
        for n in range(1, 5)
        for k in range(2, 7)
    ]
    (pairs[0][0] + pairs[0][1]).numpy()
    before = pipelines.made
    for x, y in pairs:
        np.testing.assert_array_equal((x + y).numpy(), x.numpy() + y.numpy())
    assert pipelines.made == before
