"""The conformance suite: every primitive on a device, against the NumPy reference.

    pytest --pyargs neurenix.testing.suite --nx-device mychip

By table: values, first and second derivatives, vmap and map against a loop, compiled
programs (fused and not) against eager ones. At random: shapes of rank 0 to 8, empty
and broadcast ones; ties, NaN, infinities, denormals. What a device does not declare is
skipped, and the summary says why. It needs the extra [testing].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neurenix as nx
from neurenix.backends import discovery
from neurenix.dtypes import Dtype, bool_, float32, float64, int32
from neurenix.primitives import BASIS, TensorType, all_primitives, ops
from neurenix.testing.case import Case
from neurenix.testing.case_derivatives import (
    check_derivatives,
    float64_is_there,
)
from neurenix.testing.cases import CASES
from neurenix.testing.checks import (
    check_batch,
    check_compiled,
    check_corner,
    check_forward,
    check_map,
)
from neurenix.testing.conduct import check_conduct
from neurenix.testing.corner_cases import CORNERS, Corner
from neurenix.testing.random import (
    EXAMPLES,
    axes_of,
    check_random,
    full_shapes,
    pairs,
    shapes,
    values,
)

# Made by passes, or holding programs: what they do shows in map and in compile.
ELSEWHERE = {
    p.name
    for p in all_primitives()
    if p.family in ("control", "fused", "identity") or p is ops.constant
}


def _needs(case: Case, *dtypes: Dtype) -> pytest.MarkDecorator:
    """The primitives and dtypes that a device must declare for a case."""
    names = {d.name for d in dtypes} | {kind for _, kind, _ in case.fixed}
    target = case.params.get("dtype")
    if target is not None:
        names.add(target.name)
    return pytest.mark.nx_needs(case.primitive, *sorted(names))


def _typed(choose: Callable[[Case], tuple[Dtype, ...]]) -> pytest.MarkDecorator:
    """A test of each case with each of the dtypes that are chosen for it."""
    return pytest.mark.parametrize(
        ("case", "dtype"),
        [
            pytest.param(case, dtype, marks=_needs(case, dtype), id=f"{case}-{dtype}")
            for case in CASES
            for dtype in choose(case)
        ],
    )


def _first(case: Case) -> tuple[Dtype, ...]:
    return case.dtypes[:1] if case.shapes else ()


_ONE_OF_EACH = list({c.primitive: c for c in reversed(CASES)}.values())


def _batchable(case: Case) -> tuple[Dtype, ...]:
    return _first(case) if max(map(len, case.shapes), default=8) < 8 else ()


def _smooth(case: Case) -> bool:
    """Whether it has a derivative in float64: floats out, and not none of them."""
    if not case.differentiable or float64 not in case.dtypes:
        return False
    kinds = dict(_fixed(case))
    types = [TensorType(s, kinds.get(i, float64)) for i, s in enumerate(case.shapes)]
    output = getattr(ops, case.primitive).infer(types, **case.params)[0]
    return bool(output.dtype.is_floating and output.size)


def _fixed(case: Case) -> list[tuple[int, Dtype]]:
    return [(i, nx.dtypes.as_dtype(kind)) for i, kind, _ in case.fixed]


def test_every_primitive_has_a_case() -> None:
    names = {c.primitive for c in CASES}
    bare = sorted({p.name for p in all_primitives()} - ELSEWHERE - names)
    assert not bare, f"give {bare} a case in neurenix/testing/cases.py"
    assert names <= {p.name for p in all_primitives()} - ELSEWHERE


def test_the_basis_is_declared(nx_device: str) -> None:
    """Every device declares the basis, into which all other primitives are
    decomposed."""
    device = nx.current_device()
    has = discovery.backend(device.type).capabilities(device.index).primitives
    assert not set(BASIS) - has


@_typed(lambda case: case.dtypes)
def test_forward(nx_device: str, case: Case, dtype: Dtype) -> None:
    check_forward(case, dtype)


@pytest.mark.parametrize(
    "case",
    [pytest.param(c, marks=_needs(c), id=str(c)) for c in CASES if _smooth(c)],
)
def test_derivatives(nx_device: str, case: Case) -> None:
    check_derivatives(case)


@_typed(_batchable)
def test_vmap(nx_device: str, case: Case, dtype: Dtype) -> None:
    check_batch(case, dtype)


@_typed(_batchable)
def test_map(nx_device: str, nx_fusion: bool, case: Case, dtype: Dtype) -> None:
    check_map(case, dtype)


@_typed(_first)
def test_compiled(nx_device: str, nx_fusion: bool, case: Case, dtype: Dtype) -> None:
    check_compiled(case, dtype)


@pytest.mark.parametrize(
    "corner",
    [
        pytest.param(
            corner,
            marks=pytest.mark.nx_needs(
                corner.primitive,
                *sorted({d.name for d in (*corner.dtypes, *corner.targets)}),
            ),
            id=f"{number}-{corner}",
        )
        for number, corner in enumerate(CORNERS)
    ],
)
def test_corners(nx_device: str, corner: Corner) -> None:
    """Where dtypes end: rounding, overflow, NaN, zeros, shifts, division by 0."""
    check_corner(corner)


@_typed(lambda case: case.dtypes[:1] if case in _ONE_OF_EACH else ())
def test_conduct(nx_device: str, case: Case, dtype: Dtype) -> None:
    """Dtypes and shapes of what it gives; nothing is kept when that is let go."""
    check_conduct(case, dtype)


# ---- at random -----------------------------------------------------------------------

UNARY = (
    *("neg", "abs", "sign", "floor", "round", "exp", "log", "log1p", "sin", "cos"),
    *("tan", "atan", "tanh", "sqrt", "rsqrt", "erf", "is_finite"),
)
BINARY = ("add", "sub", "mul", "div", "maximum", "minimum", "atan2", "remainder", "pow")
COMPARE = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
OF_ONE_AXIS_OR_MORE = ("max", "min", "argmax")
REDUCE = ("sum", "any", "all", *OF_ONE_AXIS_OR_MORE)


def _named(names: tuple[str, ...], *dtypes: Dtype) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("name", "dtype"),
        [
            pytest.param(n, d, marks=pytest.mark.nx_needs(n, d.name), id=f"{n}-{d}")
            for n in names
            for d in dtypes
        ],
    )


@_named(UNARY, float32, float64)
@EXAMPLES
@given(data=st.data())
def test_random_unary(nx_device: str, name: str, dtype: Dtype, data: Any) -> None:
    check_random(name, [data.draw(values(dtype, data.draw(shapes)))])


@_named((*BINARY, *COMPARE), float32, float64)
@EXAMPLES
@given(data=st.data())
def test_random_binary(nx_device: str, name: str, dtype: Dtype, data: Any) -> None:
    a, b = data.draw(pairs()).input_shapes
    check_random(name, [data.draw(values(dtype, s)) for s in (a, b)])


@_named(("add", "sub", "mul", "maximum", "minimum", *COMPARE), int32)
@EXAMPLES
@given(data=st.data())
def test_random_integers(nx_device: str, name: str, dtype: Dtype, data: Any) -> None:
    a, b = data.draw(pairs()).input_shapes
    check_random(name, [data.draw(values(dtype, s)) for s in (a, b)])


@_named(REDUCE, float32)
@EXAMPLES
@given(data=st.data())
def test_random_reduction(nx_device: str, name: str, dtype: Dtype, data: Any) -> None:
    some = name in OF_ONE_AXIS_OR_MORE
    shape = data.draw(full_shapes if some else shapes)
    axes = data.draw(axes_of(len(shape)))
    kind = bool_ if name in ("any", "all") else dtype
    if name == "argmax" and not axes:
        axes = tuple(range(len(shape)))
    check_random(name, [data.draw(values(kind, shape))], axes=axes)


@_named(("transpose", "flip", "broadcast", "slice", "pad", "concat"), float32, bool_)
@EXAMPLES
@given(data=st.data())
def test_random_movement(nx_device: str, name: str, dtype: Dtype, data: Any) -> None:
    shape = data.draw(shapes)
    rank = len(shape)
    arrays = [data.draw(values(dtype, shape))]
    params: dict[str, Any] = {}
    if name == "transpose":
        params["permutation"] = tuple(data.draw(st.permutations(range(rank))))
    elif name == "flip":
        params["axes"] = data.draw(axes_of(rank))
    elif name == "broadcast":
        lead = data.draw(st.lists(st.integers(0, 3), max_size=8 - rank))
        params["shape"] = (*lead, *(3 if n == 1 else n for n in shape))
    elif name == "slice":
        start = tuple(data.draw(st.integers(0, n)) for n in shape)
        params["start"] = start
        params["stop"] = tuple(
            data.draw(st.integers(a, n)) for a, n in zip(start, shape, strict=True)
        )
        params["step"] = tuple(data.draw(st.integers(1, 3)) for _ in shape)
    elif name == "pad":
        for side in ("low", "high", "interior"):
            params[side] = tuple(data.draw(st.integers(0, 2)) for _ in shape)
        params["value"] = 0.0
    else:
        if not rank:
            return  # nothing to join along
        axis = data.draw(st.integers(0, rank - 1))
        params["axis"] = axis
        more = data.draw(st.integers(0, 3))
        other = (*shape[:axis], more, *shape[axis + 1 :])
        arrays.append(data.draw(values(dtype, other)))
    check_random(name, arrays, **params)


@pytest.mark.nx_needs("gather", "float32", "int32")
@EXAMPLES
@given(data=st.data())
def test_random_gather(nx_device: str, data: Any) -> None:
    shape = data.draw(full_shapes.filter(bool))
    axis = data.draw(st.integers(0, len(shape) - 1))
    picks = data.draw(st.lists(st.integers(0, shape[axis] - 1), max_size=5))
    index = np.array(picks, np.int32)
    x = data.draw(values(float32, shape))
    check_random("gather", [x, index], axis=axis, batch=0)


@pytest.mark.nx_needs("max", "float32")
@EXAMPLES
@given(data=st.data())
def test_random_ties(nx_device: str, data: Any) -> None:
    """The derivative of a maximum goes to the first of equals."""
    shape = data.draw(full_shapes.filter(bool))
    x = data.draw(values(float32, shape, special=False))
    x = np.sign(x)  # ties everywhere
    gradient = nx.grad(lambda x: x.max())(nx.tensor(x)).numpy()
    expected = np.zeros(x.size, np.float32)
    expected[np.argmax(x)] = 1
    assert gradient.reshape(-1).tolist() == expected.tolist(), x


@EXAMPLES
@given(data=st.data())
def test_random_programs(nx_device: str, nx_fusion: bool, data: Any) -> None:
    """Elementwise chains with reductions at their ends, compiled against eager ones in
    float64. Where a device has none: in float32, against the reference device in
    float64."""
    a, b = data.draw(pairs()).input_shapes
    arrays = [data.draw(values(float64, s, special=False)) for s in (a, b)]
    axes = data.draw(axes_of(max(len(a), len(b))))

    def program(x: nx.Tensor, y: nx.Tensor) -> Any:
        z = nx.tanh(x) * y + nx.where(x > y, x, y * 0.5)
        return z, (z * z).sum(axes), nx.exp(-(z * z)).mean(axes, keepdims=True) * z

    wide = float64_is_there(nx.current_device())
    here = [nx.tensor(a, dtype=float64 if wide else float32) for a in arrays]
    exact = here if wide else [nx.tensor(a, float64, "reference") for a in arrays]
    bound = 1e-8 if wide else 1e-5
    for found, expected in zip(
        nx.compile(program)(*here), program(*exact), strict=True
    ):
        assert np.allclose(
            found.numpy(), expected.numpy(), rtol=bound, atol=bound, equal_nan=True
        )
