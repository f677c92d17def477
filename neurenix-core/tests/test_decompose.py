"""Decompositions: programs without what a device lacks, and their accuracy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.dtypes import float16, float32, float64
from neurenix.errors import BackendError
from neurenix.passes.decompose import ALL, decomposed
from neurenix.passes.pipeline import Target, fusion, prepare
from neurenix.primitives import BASIS, all_primitives, ops
from neurenix.program import Program
from neurenix.testing import CASES, add_restricted_device, check_forward
from neurenix.transforms import capture_flat

BEYOND = sorted(ALL - set(BASIS))


def without(*gone: str) -> str:
    """A device that has all but these."""
    return add_restricted_device("_".join(("without", *gone)), ALL - set(gone))


def names(program: Program) -> set[str]:
    parts = (*program.regions(), program)
    return {i.primitive.name for part in parts for i in part.instructions}


def on(device: str, function: Callable[..., Any], *arrays: Any) -> list[Any]:
    """Results of a compiled function on a device, as arrays."""
    nx.init({"device": device})
    tensors = [nx.tensor(a, dtype=nx.dtypes.as_dtype(a.dtype)) for a in arrays]
    return [x.numpy() for x in nx.tree.flatten(nx.compile(function)(*tensors))[0]]


def rows(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).standard_normal(shape)


# ---- programs ------------------------------------------------------------------------


def adapted(w: Any, x: Any, y: Any) -> Any:
    """Second-order MAML over tasks."""

    def loss(w: Any, x: Any, y: Any) -> Any:
        return ((nx.tanh(x @ w) - y) ** 2).mean()

    step = nx.compile(lambda w, x, y: w - 0.1 * nx.grad(loss)(w, x, y))

    def task(w: Any, x: Any, y: Any) -> Any:
        v = w
        for _ in range(3):
            v = step(v, x, y)
        return loss(v, x, y)

    def meta(w: Any) -> Any:
        return nx.map(task, in_axes=(None, 0, 0))(w, x, y).mean()

    return nx.value_and_grad(meta)(w)


def scanned(w: Any, x: Any, y: Any) -> Any:
    def step(h: Any, row: Any) -> Any:
        h = nx.tanh(row @ w + h)
        return h, (h * h).sum()

    return nx.scan(step, x[0] @ w * 0, x)


def random_in_a_map(w: Any, x: Any, y: Any) -> Any:
    """Bits that each iteration makes from a key of its own."""
    keys = nx.arange(2 * x.shape[0]).reshape(-1, 2)

    def draw(key: Any, row: Any) -> Any:
        bits = ops.random_bits(ops.cast(key, dtype=nx.uint32), shape=(5,))
        return ops.cast(bits, dtype=nx.int32), row.sum()

    return nx.map(draw)(keys, x)


def rematerialised(w: Any, x: Any, y: Any) -> Any:
    block = nx.remat(lambda w: nx.tanh(nx.sin(x @ w)).sum())
    return nx.grad(block)(w)


def looped(w: Any, x: Any, y: Any) -> Any:
    def loss(w: Any, x: Any) -> Any:
        h, rest = nx.scan(lambda h, row: (nx.tanh(row @ w + h), h * 2), x[0] @ w * 0, x)
        return (h * h).sum() + rest.sum()

    return nx.grad(loss, (0, 1))(w, x)


PROGRAMS = (adapted, scanned, looped, random_in_a_map, rematerialised)
CONTROL = ("call", "map", "scan", "barrier", "stop_gradient", "fused")


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("lacking", [*CONTROL, "random_bits", "all of these"])
def test_control_without_its_kernels(program: Any, lacking: str) -> None:
    device = add_restricted_device() if lacking == "all of these" else without(lacking)
    arrays = rows(4, 4), rows(3, 5, 4), rows(3, 5, 4)
    found, expected = (on(d, program, *arrays) for d in (device, "reference"))
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


def test_sums_over_tasks_keep_their_order() -> None:
    """The bits of a map's sum are the same without a map."""
    device = without("map")
    for count in (1, 2, 3, 7, 11):
        x = rows(count, 3).astype(np.float32) * 1e4

        def total(x: Any) -> Any:
            def loss(w: Any) -> Any:
                return nx.map(lambda row: (row * w).sum())(x).sum()

            return nx.grad(loss)(x[0])

        found, expected = (on(d, total, x)[0] for d in (device, "reference"))
        assert found.tobytes() == expected.tobytes()


def test_zero_iterations() -> None:
    device = add_restricted_device()
    x = np.zeros((0, 3), np.float32)

    def both(x: Any) -> Any:
        h, ys = nx.scan(lambda h, row: (h + row, h * 2), nx.ones(3), x)
        return nx.map(lambda row: row * 2)(x), h, ys

    for a, b in zip(on(device, both, x), on("reference", both, x), strict=True):
        assert a.shape == b.shape and a.tolist() == b.tolist()


# ---- any one kernel ------------------------------------------------------------------


@pytest.mark.parametrize("name", BEYOND)
def test_without_any_one_kernel(name: str) -> None:
    """The others, and what is left of it when the pass is done."""
    nx.init({"device": without(name)})
    cases = [c for c in CASES if c.primitive == name]
    for case in cases[:: max(1, len(cases) // 4)]:
        for dtype in case.dtypes:
            check_forward(case, dtype)
    assert cases or name in CONTROL


def test_nothing_but_the_basis_is_left() -> None:
    arrays = rows(4, 4), rows(3, 5, 4), rows(3, 5, 4)
    types = [nx.tensor(a, dtype=float64).type for a in arrays]
    for f in (adapted, looped):
        flat = capture_flat(lambda *xs, f=f: nx.tree.flatten(f(*xs))[0], types)[0]
        assert names(prepare(flat)) - set(BASIS)
        assert names(prepare(flat, Target(frozenset(BASIS)))) <= set(BASIS)


def test_what_a_call_in_a_map_needs_is_decomposed_too() -> None:
    """The call comes to light when the map is gone, and is inlined."""
    inner = nx.compile(lambda x: nx.argmax(x, -1))
    program = nx.capture(nx.map(lambda x: nx.relu(inner(x * 2))), nx.ones(3, 4))
    target = Target(ALL - {"map", "argmax"}, frozenset(), device="a test")
    assert "argmax" not in names(prepare(program, target))


def test_fused_programs_have_a_way_back() -> None:
    def chain(x: Any) -> Any:
        y = nx.exp(x) * 2
        return y, y.sum(0)

    x = rows(3, 4)
    program = nx.capture(chain, nx.tensor(x, dtype=float64))
    with fusion(True):
        fused = prepare(program)
    assert "fused" in names(fused)
    plain = decomposed(fused, ALL - set(BASIS), "a test")
    assert names(plain) <= set(BASIS)
    for a, b in zip(plain.evaluate([x]), fused.evaluate([x]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-15)


def test_a_device_that_has_all_is_left_alone() -> None:
    program = nx.capture(lambda x: nx.tanh(x), nx.zeros(3))
    assert decomposed(program, frozenset(), "a test") is program
    with fusion(False):
        assert names(prepare(program)) == {"tanh"}


def test_the_basis_is_required() -> None:
    nx.init({"device": without("add")})
    x = nx.ones(3)
    assert (x * 2).tolist() == [2.0, 2.0, 2.0]
    for f in (lambda: x + x, lambda: nx.compile(lambda x: x + x * 2)(x)):
        with pytest.raises(
            BackendError, match=r"without_add.*no kernel for add, .*BASIS"
        ):
            f()
    # a decomposition that needs it says the same
    nx.init({"device": without("add", "tanh")})
    with pytest.raises(BackendError, match="no kernel for add"):
        nx.tanh(nx.ones(3))


def test_a_device_type_is_made_once() -> None:
    device = without("tanh")
    assert without("tanh") == device
    for taken in (device, "reference"):
        with pytest.raises(BackendError, match=f"'{taken}' is there already"):
            add_restricted_device(taken, BASIS)


# ---- accuracy ------------------------------------------------------------------------


def evaluate(name: str, *arrays: Any, **params: Any) -> Any:
    """The decomposition alone, to the basis."""
    types = [nx.tensor(a, dtype=nx.dtypes.as_dtype(a.dtype)).type for a in arrays]
    primitive = getattr(ops, name)
    program, _ = capture_flat(lambda *xs: [primitive(*xs, **params)], types)
    whole = decomposed(program, ALL - set(BASIS), "a test")
    assert names(whole) <= set(BASIS)
    with np.errstate(all="ignore"):
        return whole.evaluate(arrays)[0]


def wide_range(dtype: Any, top: float) -> Any:
    """Both signs, from denormals to `top`, with kinks and the special values."""
    small = np.finfo(dtype).smallest_subnormal
    sizes = np.geomspace(1e-30, top, 4001)
    plain = np.concatenate([sizes, np.linspace(0, 8, 4001), [float(small) * 3]])
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.5, 1e-300]
    with np.errstate(all="ignore"):
        return np.concatenate([plain, -plain, special]).astype(dtype)


@pytest.mark.parametrize("dtype", [float32, float64], ids=str)
@pytest.mark.parametrize(
    ("name", "top"),
    [
        *((n, 1e30) for n in ("tanh", "erf", "atan", "log1p", "sqrt", "rsqrt")),
        ("tan", 1e3),
    ],
)
def test_functions_to_a_few_units_in_the_last_place(
    name: str, top: float, dtype: Any
) -> None:
    x = wide_range(dtype.numpy, top)
    with np.errstate(all="ignore"):
        expected = getattr(ops, name).reference(x.astype(np.float64))[0]
        expected = expected.astype(dtype.numpy)
    found = evaluate(name, x)
    both_nan = np.isnan(found) & np.isnan(expected)
    normal = np.abs(expected) >= np.finfo(dtype.numpy).tiny
    allowed = 5 * np.finfo(dtype.numpy).eps
    with np.errstate(all="ignore"):
        near = np.abs(found - expected) <= np.where(normal, allowed, 1) * np.abs(
            np.where(normal, expected, np.finfo(dtype.numpy).tiny)
        )
    wrong = ~(both_nan | (found == expected) | near)
    assert not wrong.any(), (x[wrong][:5], found[wrong][:5], expected[wrong][:5])


@pytest.mark.parametrize("dtype", [float32, float64], ids=str)
def test_atan2_everywhere(dtype: Any) -> None:
    axis = np.concatenate(
        [np.geomspace(1e-25, 1e25, 41), [0.0, np.inf, np.nan, 1.0, 0.3]]
    )
    axis = np.concatenate([axis, -axis]).astype(dtype.numpy)
    y, x = np.meshgrid(axis, axis)
    with np.errstate(all="ignore"):
        expected = np.arctan2(y.astype(np.float64), x.astype(np.float64))
    found = evaluate("atan2", y, x)
    tiny = np.finfo(dtype.numpy).tiny
    bound = 5 * np.finfo(dtype.numpy).eps * np.abs(expected) + tiny
    assert (np.isnan(found) == np.isnan(expected)).all()
    known = ~np.isnan(expected)
    assert (np.abs(found - expected)[known] <= bound[known]).all()
    zeros = known & (expected == 0) & (np.abs(x) > 0)
    assert (found[zeros] == 0).all()


def test_half_types_go_by_float32() -> None:
    x = np.linspace(-6, 6, 401).astype(np.float16)
    for name in ("tanh", "erf", "atan", "tan"):
        found = evaluate(name, x)
        expected = getattr(ops, name).reference(x.astype(np.float64))[0]
        assert found.dtype == np.float16
        assert (found == expected.astype(np.float16)).mean() > 0.99
    total = evaluate("cumsum", np.full(3000, 0.1, np.float16), axis=0, reverse=False)
    assert abs(float(total[-1]) - 300) < 0.5
    assert float16.itemsize == 2


def test_whole_numbers_wrap_as_they_do() -> None:
    for kind in (np.int32, np.int64, np.uint8, np.uint32):
        info = np.iinfo(kind)
        edge = np.array([info.min, info.min + 1, 0, 1, 2, info.max - 1, info.max], kind)
        a, b = (m.reshape(-1) for m in np.meshgrid(edge, edge))
        for name in ("neg", "abs", "sign"):
            expected = getattr(ops, name).reference(edge)[0]
            assert evaluate(name, edge).tolist() == expected.tolist(), (name, kind)
        binary = ("sub", "maximum", "minimum", "bitwise_or", "bitwise_xor", "greater")
        for name in (*binary, "less_equal", "greater_equal", "not_equal"):
            expected = getattr(ops, name).reference(a, b)[0]
            assert evaluate(name, a, b).tolist() == expected.tolist(), (name, kind)
        for name in ("min", "max", "prod", "argmax"):
            expected = getattr(ops, name).reference(edge, axes=(0,))[0]
            assert evaluate(name, edge, axes=(0,)).tolist() == expected.tolist()
        bits = np.arange(info.bits + 3).astype(kind)
        shifted = ops.shift_left.reference(np.full_like(bits, 5), bits)[0]
        found = evaluate("shift_left", np.full_like(bits, 5), bits)
        assert found.tolist() == shifted.tolist()


# ---- order ---------------------------------------------------------------------------


@pytest.mark.parametrize("count", [*range(1, 10), 31, 32, 33])
def test_sorting_is_stable_and_puts_nan_last(count: int) -> None:
    rng = np.random.default_rng(count)
    choices = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, 2.0]
    for x in (rng.choice(choices, (3, count)), rng.integers(0, 4, (3, count))):
        nx.init({"device": add_restricted_device()})
        tensor = nx.tensor(x, dtype=nx.dtypes.as_dtype(x.dtype))
        value, place = (v.numpy() for v in ops.sort(tensor, axis=1))
        assert place.tolist() == np.argsort(x, 1, kind="stable").tolist()
        assert np.array_equal(value, np.sort(x, 1, kind="stable"), equal_nan=True)


@pytest.mark.parametrize("count", [1, 2, 5, 8, 40])
def test_the_last_update_of_a_slot_is_kept(count: int) -> None:
    rng = np.random.default_rng(count)
    index = rng.integers(-2, 9, (2, count)).astype(np.int32)  # beyond both ends too
    x = rng.standard_normal((2, 3, 6))
    updates = rng.choice([np.nan, -np.inf, -0.0, 1.0, 2.0], (2, 3, count))
    params = {"axis": 2, "batch": 1}
    expected = ops.scatter.reference(x, index, updates, **params)[0]
    found = evaluate("scatter", x, index, updates, **params)
    assert found.tobytes() == expected.tobytes()


def test_concat_moves_bits() -> None:
    a, b = np.array([-0.0, np.nan, np.inf]), np.array([-np.inf, -0.0])
    expected = np.concatenate([a, b])
    assert evaluate("concat", a, b, axis=0).tobytes() == expected.tobytes()
    flags = evaluate("concat", a < 0, b < 0, axis=0)
    assert flags.dtype == bool and flags.tolist() == [False] * 3 + [True, False]


def test_every_decomposition_is_tried() -> None:
    tried = {c.primitive for c in CASES} | set(CONTROL)
    assert {p.name for p in all_primitives()} - set(BASIS) <= tried


def test_no_pass_brings_in_what_a_device_lacks() -> None:
    """The derivative of cuts is a concatenation, of which the decomposition is what the
    cuts' derivative was before."""
    everything = frozenset(ops.table) - {"concat"}

    def f(x: Any) -> Any:
        return sum((x[:, i] ** 2).sum() * (i + 1.0) for i in range(3))

    program = nx.capture(nx.grad(f), nx.ones(2, 3))
    prepared = prepare(program, Target(everything))
    used = {i.primitive.name for p in (prepared, *prepared.regions())
            for i in p.instructions}  # fmt: skip
    assert "concat" not in used
