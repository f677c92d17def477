"""The part of the conformance suite that Hypothesis draws: shapes, values, programs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neurenix as nx
from neurenix.dtypes import Dtype, bool_, float32, float64, int32
from neurenix.testing.case_derivatives import float64_is_there
from neurenix.testing.random import (
    EXAMPLES,
    axes_of,
    check_random,
    full_shapes,
    pairs,
    shapes,
    values,
)

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
