"""What users type where Python or NumPy expects a number or an array."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import (
    CaptureError,
    DtypeError,
    InvalidArgumentError,
    NeurenixError,
    NotDifferentiableError,
    ShapeError,
)


def test_formats() -> None:
    x = nx.tensor([1.25, -2.5, 3.0])
    assert f"{x.mean():.3f}" == "0.583"
    assert f"{nx.tensor([2.5]):.1f} {nx.tensor(7):04d} {nx.tensor(2.5):8.2e}" == (
        "2.5 0007 2.50e+00"
    )
    assert f"{x}" == str(x) and f"{x!r}" == repr(x)
    assert f"{nx.nn.Parameter(2.0):.1f}" == "2.0"
    with pytest.raises(InvalidArgumentError, match=r"'\.2f': .*\(3,\).*x\.mean\(\)"):
        f"{x:.2f}"
    with pytest.raises(CaptureError):
        nx.compile(lambda x: nx.tensor(len(f"{x.sum():.2f}")))(x)


@pytest.mark.parametrize("digits", [-40, -2, -1, 0, 1, 2, 5, 30, 60, 400])
@pytest.mark.parametrize("dtype", [nx.float32, nx.float64], ids=str)
def test_round(digits: int, dtype: Any, device: str) -> None:
    values = np.array([2.567, -0.125, 1234.5678, -15.0, 25.0, 0.0, np.nan, np.inf])
    x = nx.tensor(values, dtype=dtype)
    expected = [round(v, digits) if math.isfinite(v) else v for v in values.tolist()]
    found = round(x, digits)
    assert found.dtype is dtype
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6, atol=1e-30)
    gradient = nx.grad(lambda x: round(x, digits)[:5].sum())(x)
    if abs(digits) < 30:
        assert not gradient.any()


def test_rounding_of_whole_numbers(device: str) -> None:
    x = nx.tensor([1234, -15, 25, 7])
    assert round(x, -1).tolist() == [1230, -20, 20, 10]
    assert round(x, 2).tolist() == round(x).tolist() == x.tolist()
    assert round(x, -1).dtype is nx.int32
    assert round(nx.tensor([0.5, 1.5, -2.5])).tolist() == [0.0, 2.0, -2.0]
    with pytest.raises(InvalidArgumentError, match=r"digits=1\.5"):
        round(x, 1.5)  # type: ignore[arg-type, call-overload]


def test_conversions() -> None:
    x, whole = nx.tensor(-2.5), nx.tensor(2**53 + 1, dtype=nx.int64)
    assert (math.floor(x), math.ceil(x), math.trunc(x)) == (-3, -2, -2)
    assert math.floor(whole) == math.trunc(whole) == int(whole) == 2**53 + 1
    assert (int(x), float(x), complex(x), bool(x)) == (-2, -2.5, -2.5 + 0j, True)
    assert [q.item() for q in divmod(nx.tensor(7), 2)] == [3, 1]
    assert [q.item() for q in divmod(7.5, nx.tensor(-2.0))] == [*divmod(7.5, -2.0)]
    with pytest.raises(InvalidArgumentError, match=r"\(2,\)"):
        math.floor(nx.ones(2))


def test_membership() -> None:
    x = nx.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert 3.0 in x and nx.tensor(4.0) in x and 5.0 not in x
    assert None not in x and "a" not in x
    assert 1.0 not in nx.zeros(0) and 1.0 in nx.tensor(1.0)


ARRAY_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    **{
        f.__name__: f
        for f in (
            *(np.mean, np.sum, np.std, np.var, np.max, np.min, np.prod, np.argmax),
            *(np.argmin, np.any, np.all, np.median, np.cumsum, np.sort, np.round),
            *(np.transpose, np.squeeze, np.ravel, np.exp, np.abs, np.isnan, np.copy),
            *(np.shape, np.ndim, np.size, np.linalg.norm, np.atleast_2d),
        )
    },
    "sum, axis": lambda x: np.sum(x, axis=0),
    "mean, keepdims": lambda x: np.mean(x, axis=1, keepdims=True),
    "concatenate": lambda x: np.concatenate([x, x]),
    "stack": lambda x: np.stack((x, np.ones((2, 3)))),
    "where": lambda x: np.where(x > 0, x, 0.0),
    "swapaxes": lambda x: np.swapaxes(x, 0, 1),
    "expand_dims": lambda x: np.expand_dims(x, 0),
    "dot": lambda x: np.dot(x, x.T),
    "einsum": lambda x: np.einsum("ij,kj->ik", x, x),
}


@pytest.mark.parametrize("name", ARRAY_FUNCTIONS)
def test_functions_of_numpy_give_arrays(name: str, device: str) -> None:
    array = np.arange(-2.0, 4.0, dtype=np.float32).reshape(2, 3)
    f = ARRAY_FUNCTIONS[name]
    found, expected = f(nx.tensor(array)), f(array)
    assert type(found) is type(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_functions_of_numpy_inside_a_program() -> None:
    x = nx.ones(2, 3)
    assert nx.compile(lambda x: x * np.size(x) + np.ndim(x))(x)[0, 0].item() == 8.0
    with pytest.raises(CaptureError, match="being captured"):
        nx.compile(lambda x: x * np.mean(x))(x)


@pytest.mark.parametrize(
    "kind",
    [float, np.float64, np.float32, np.array, nx.tensor],
    ids=["float", "float64", "float32", "array", "tensor"],
)
def test_derivatives_at_plain_numbers(kind: Any, device: str) -> None:
    point = kind(2.0)

    def f(x: Any) -> Any:
        return x**3

    assert nx.grad(f)(point).item() == 12.0
    assert nx.grad(nx.grad(f))(point).item() == 12.0
    if kind is not np.float32:  # which is no argument of a compiled function
        assert nx.compile(nx.grad(f))(point).item() == 12.0
    y, g = nx.value_and_grad(f)(point)
    assert (y.item(), g.item()) == (8.0, 12.0)
    y, t = nx.jvp(f, (point,), (np.float64(2.0),))
    assert (y.item(), t.item()) == (8.0, 24.0)
    assert nx.vjp(f, point)[1](0.5)[0].item() == 6.0
    assert nx.hvp(f, (point,), (1,))[0].item() == 12.0
    assert nx.jacobian(f)(point).item() == 12.0
    by_a, by_b = nx.grad(lambda p: p["a"] * p["b"])({"a": point, "b": 3.0}).values()
    assert (by_a.item(), by_b.item()) == (3.0, 2.0)
    array = np.array([1.0, 2.0])
    assert nx.jvp(lambda x: x * x, (array,), (array,))[1].tolist() == [2.0, 8.0]
    assert nx.grad(lambda x: (x**2).sum())(array).tolist() == [2.0, 4.0]
    z = nx.tensor(1.0, requires_grad=True)
    (z * z).backward(2.0)
    assert z.grad is not None and z.grad.item() == 4.0


@pytest.mark.parametrize("point", [2, True, np.int64(2), np.arange(3), nx.tensor(2)])
def test_whole_numbers_have_no_derivative(point: Any) -> None:
    with pytest.raises(NotDifferentiableError, match=r"^grad: .*(give floats|cast it)"):
        nx.grad(lambda x: x * x)(point)


@pytest.mark.parametrize("point", ["a", 1j, {1}, object()])
def test_derivatives_at_what_is_no_number(point: Any) -> None:
    with pytest.raises(DtypeError, match=r"^grad: .*expected tensors or floats"):
        nx.grad(lambda x: x * x)(point)
    with pytest.raises(ShapeError, match="tangents"):
        nx.jvp(lambda x: x * x, (2.0,), (point,))


# ---- settings ------------------------------------------------------------------------


def parameters() -> list[nn.Parameter]:
    return [nn.Parameter(nx.ones(2))]


def optimizer() -> optim.Optimizer:
    return optim.SGD(parameters(), lr=0.1)


SETTINGS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "Linear": (nn.Linear, {"in_features": 2, "out_features": 3}),
    "Conv2d": (
        nn.Conv2d,
        {"in_channels": 2, "out_channels": 3, "kernel_size": 3, "stride": 2},
    ),
    "BatchNorm2d": (nn.BatchNorm2d, {"num_features": 3, "eps": 0.125, "momentum": 0.5}),
    "LayerNorm": (nn.LayerNorm, {"normalized_shape": 3, "eps": 0.125}),
    "Embedding": (nn.Embedding, {"num_embeddings": 3, "embedding_dim": 2}),
    "LSTM": (nn.LSTM, {"input_size": 2, "hidden_size": 3, "num_layers": 2}),
    "MultiHeadAttention": (nn.MultiHeadAttention, {"embed_dim": 4, "num_heads": 2}),
    "MaxPool2d": (nn.MaxPool2d, {"kernel_size": 2, "stride": 1}),
    "Dropout": (nn.Dropout, {"p": 0.25}),
    "LeakyReLU": (nn.LeakyReLU, {"negative_slope": 0.25}),
    "Flatten": (nn.Flatten, {"start_dim": 1, "end_dim": 2}),
    "SGD": (
        lambda **s: optim.SGD(parameters(), **s),
        {"lr": 0.5, "momentum": 0.25, "weight_decay": 0.125},
    ),
    "Adam": (
        lambda **s: optim.Adam(parameters(), **s),
        {"lr": 0.5, "eps": 0.25, "weight_decay": 0.125},
    ),
    "RMSprop": (lambda **s: optim.RMSprop(parameters(), **s), {"alpha": 0.5}),
    "StepLR": (
        lambda **s: optim.StepLR(optimizer(), **s),
        {"step_size": 2, "gamma": 0.5},
    ),
    "CosineAnnealingLR": (
        lambda **s: optim.CosineAnnealingLR(optimizer(), **s),
        {"T_max": 2, "eta_min": 0.5},
    ),
    "LinearLR": (
        lambda **s: optim.LinearLR(optimizer(), **s),
        {"start_factor": 0.5, "total_iters": 2},
    ),
}


def as_given(value: Any) -> list[Any]:
    """The same number, as users have it at hand."""
    if isinstance(value, float):
        return [np.float32(value), np.float64(value), np.array(value), nx.tensor(value)]
    return [np.int64(value), np.uint8(value), np.array(value), nx.tensor(value)]


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_are_stored_as_numbers_of_python(name: str) -> None:
    make, settings = SETTINGS[name]
    plain = make(**settings)
    for setting, value in settings.items():
        for given in as_given(value):
            made = make(**{**settings, setting: given})
            kept, expected = getattr(made, setting), getattr(plain, setting)
            assert type(kept) is type(expected) and kept == expected
            assert not isinstance(kept, tuple) or all(type(n) is int for n in kept)


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_are_no_numbers_are_refused_by_name(name: str) -> None:
    make, settings = SETTINGS[name]
    for setting in settings:
        for bad in (True, np.True_, math.nan, "1", None, nx.ones(2), np.ones(2)):
            if bad is None and setting == "stride":
                continue  # the kernel's
            with pytest.raises(NeurenixError, match=setting):
                make(**{**settings, setting: bad})


def test_pairs_of_settings() -> None:
    adam = optim.Adam(parameters(), betas=(np.float32(0.5), nx.tensor(0.25)))
    assert adam.betas == (0.5, 0.25) and type(adam.betas[0]) is float
    for bad in ((0.5,), (True, 0.5), (0.5, 1.0), 0.5, (math.nan, 0.5)):
        with pytest.raises(InvalidArgumentError, match="betas"):
            optim.Adam(parameters(), betas=bad)  # type: ignore[arg-type]
    assert nx.zeros(nx.tensor(2), np.array(3)).shape == (2, 3)
    assert nn.LayerNorm((nx.tensor(2), np.int64(3))).normalized_shape == (2, 3)


def test_type_checkers_know_the_methods_that_there_are() -> None:
    """After a change of them: python -m neurenix.functions.write_methods"""
    from neurenix.functions import write_methods

    written = ast.parse(write_methods.TARGET.read_text("utf-8"))
    assert ast.dump(ast.parse(write_methods.generate())) == ast.dump(written)
