"""Layers, losses and initial values, against NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.errors import DtypeError, InvalidArgumentError, ShapeError
from neurenix.nn import functional as F
from neurenix.nn import init

pytestmark = pytest.mark.usefixtures("device")


def array(*shape: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).standard_normal(shape)


def double(x: np.ndarray[Any, Any]) -> nx.Tensor:
    return nx.tensor(x, dtype=nx.float64)


# ---- layers --------------------------------------------------------------------------


def convolved(
    x: Any, w: Any, stride: Any, padding: Any, dilation: Any
) -> np.ndarray[Any, Any]:
    x = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    (kh, kw), (dh, dw) = w.shape[2:], dilation
    rows = (x.shape[2] - dh * (kh - 1) - 1) // stride[0] + 1
    columns = (x.shape[3] - dw * (kw - 1) - 1) // stride[1] + 1
    out = np.zeros((x.shape[0], w.shape[0], rows, columns))
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride[0], j * stride[1]
            window = x[
                :,
                :,
                top : top + dh * (kh - 1) + 1 : dh,
                left : left + dw * (kw - 1) + 1 : dw,
            ]
            out[:, :, i, j] = np.einsum("nchw,ochw->no", window, w)
    return out


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"),
    [
        (3, 1, 0, 1),
        (3, 1, 1, 1),
        ((2, 3), 2, (1, 0), 1),
        (3, (1, 2), 2, 2),
        (1, 3, 0, 1),
    ],
)
def test_conv2d(kernel: Any, stride: Any, padding: Any, dilation: Any) -> None:
    layer = nn.Conv2d(3, 4, kernel, stride, padding, dilation).to(nx.float64)
    assert layer.bias is not None
    x = array(2, 3, 9, 7)
    expected = convolved(
        x, layer.weight.numpy(), layer.stride, layer.padding, layer.dilation
    )
    expected += layer.bias.numpy()[:, None, None]
    assert np.allclose(layer(double(x)).numpy(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(2,), (3, 2), (4, 3, 2)])
def test_linear(shape: tuple[int, ...]) -> None:
    layer = nn.Linear(2, 5).to(nx.float64)
    assert layer.bias is not None
    x = array(*shape)
    expected = x @ layer.weight.numpy().T + layer.bias.numpy()
    assert np.allclose(layer(double(x)).numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("layer", "formula"),
    [
        (nn.ReLU(), lambda x: np.maximum(x, 0)),
        (nn.LeakyReLU(0.2), lambda x: np.where(x > 0, x, 0.2 * x)),
        (nn.Tanh(), np.tanh),
        (nn.Sigmoid(), lambda x: 1 / (1 + np.exp(-x))),
        (nn.Identity(), lambda x: x),
        (nn.Flatten(), lambda x: x.reshape(2, -1)),
        (nn.GlobalAveragePool2d(), lambda x: x.mean((2, 3))),
    ],
    ids=lambda v: type(v).__name__,
)
def test_layers_without_parameters(layer: nn.Module, formula: Any) -> None:
    x = array(2, 3, 4, 5)
    assert np.allclose(layer(double(x)).numpy(), formula(x), rtol=1e-12, atol=1e-15)


def test_layer_norm() -> None:
    layer = nn.LayerNorm((3, 4)).to(nx.float64)
    assert layer.weight is not None and layer.bias is not None
    w, b, x = array(3, 4, seed=1), array(3, 4, seed=2), array(5, 3, 4)
    layer.weight.assign(w)
    layer.bias.assign(b)
    mean, var = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
    assert np.allclose(
        layer(double(x)).numpy(),
        (x - mean) / np.sqrt(var + 1e-5) * w + b,
        rtol=1e-12,
        atol=1e-14,
    )


# ---- dropout -------------------------------------------------------------------------


def test_dropout_keeps_the_mean_and_its_seed() -> None:
    layer, x = nn.Dropout(0.25), nx.ones(200, 100)
    nx.manual_seed(3)
    a = layer(x).numpy()
    nx.manual_seed(3)
    b = layer(x).numpy()
    assert np.array_equal(a, b) and not np.array_equal(a, layer(x).numpy())
    assert set(np.unique(a)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs(float((a == 0).mean()) - 0.25) < 0.02
    assert layer.eval()(x) is x
    assert nn.Dropout(1.0)(x).numpy().max() == 0 and nn.Dropout(0.0)(x) is x


def test_dropout_compiled_and_mapped() -> None:
    layer, x = nn.Dropout(0.5, generator=nx.Generator(1)), nx.ones(4, 32)
    compiled = nx.compile(lambda x: layer(x), state=[layer])
    assert not np.array_equal(compiled(x).numpy(), compiled(x).numpy())
    rows = nx.map(layer)(x).numpy()
    assert len({row.tobytes() for row in rows}) == 4  # an iteration has its own numbers
    both = nx.compile(lambda x: nx.map(layer)(x), state=[layer, layer.generator])
    before = layer.generator.step.item()  # type: ignore[union-attr]
    both(x)
    assert layer.generator.step.item() == before + 1  # type: ignore[union-attr]


def test_reseeding_reaches_compiled_code() -> None:
    layer, x = nn.Dropout(0.5), nx.ones(64)
    compiled = nx.compile(lambda x: layer(x), state=[layer])
    outputs = []
    for seed in (1, 2, 1):
        nx.manual_seed(seed)
        outputs.append(compiled(x).numpy().tobytes())
    assert outputs[0] == outputs[2] != outputs[1]


def test_a_step_that_no_generator_has_changes_nothing() -> None:
    generator = nx.Generator(5)
    nx.rand(2, generator=generator)
    before = generator.state_dict()
    with pytest.raises(InvalidArgumentError, match=r"step=4294967296.* below 2\*\*32"):
        generator.load_state_dict({"seed": 1, "step": 2**32})
    assert generator.state_dict() == before == {"seed": 5, "step": 1}
    generator.load_state_dict({"seed": 1, "step": 2**32 - 1})
    assert generator.state_dict() == {"seed": 1, "step": 2**32 - 1}


# ---- losses --------------------------------------------------------------------------


def log_softmax(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    shifted = x - x.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_losses(reduction: str) -> None:
    reduce = {"mean": np.mean, "sum": np.sum, "none": np.asarray}[reduction]
    x, y = array(6, 4), array(6, 4, seed=1)
    assert np.allclose(
        F.mse_loss(double(x), double(y), reduction).numpy(),
        reduce((x - y) ** 2),
        rtol=1e-12,
    )
    classes = np.array([0, 3, 1, 1, 2, 0])
    expected = reduce(-log_softmax(x)[np.arange(6), classes])
    for dtype in ("int32", "int64", "uint8"):
        got = F.cross_entropy(double(x), nx.tensor(classes, dtype=dtype), reduction)
        assert np.allclose(got.numpy(), expected, rtol=1e-12)
    assert np.allclose(
        F.cross_entropy(double(x), double(np.eye(4)[classes]), reduction).numpy(),
        expected,
        rtol=1e-12,
    )
    soft = np.exp(log_softmax(y))
    got = F.cross_entropy(double(x), double(soft), reduction)
    assert np.allclose(got.numpy(), reduce(-(soft * log_softmax(x)).sum(1)), rtol=1e-12)


def test_cross_entropy_of_images_and_single_examples() -> None:
    x, classes = array(2, 3, 4, 5), np.random.default_rng(1).integers(0, 3, (2, 4, 5))
    logs = log_softmax(x)
    expected = -np.mean(
        [
            logs[n, classes[n, i, j], i, j]
            for n in range(2)
            for i in range(4)
            for j in range(5)
        ]
    )
    assert F.cross_entropy(double(x), nx.tensor(classes)).item() == pytest.approx(
        expected, rel=1e-12
    )
    one = F.cross_entropy(double(x[0, :, 0, 0]), nx.tensor(2)).item()
    assert one == pytest.approx(-logs[0, 2, 0, 0], rel=1e-12)


def test_cross_entropy_gradient() -> None:
    x, classes = array(5, 3), np.array([0, 1, 2, 1, 1])
    g = nx.grad(lambda x: F.cross_entropy(x, nx.constant(classes)))(double(x))
    assert np.allclose(
        g.numpy(),
        (np.exp(log_softmax(x)) - np.eye(3)[classes]) / 5,
        rtol=1e-10,
        atol=1e-14,
    )


# ---- initial values ------------------------------------------------------------------


def test_default_bounds_are_one_over_root_fan_in() -> None:
    for layer, fan in ((nn.Linear(100, 400), 100), (nn.Conv2d(4, 200, 5), 100)):
        for p in layer.parameters():
            assert np.abs(p.numpy()).max() <= 0.1 and p.numpy().std() == pytest.approx(
                0.1 / math.sqrt(3), rel=0.1
            )
        assert fan == 100


@pytest.mark.parametrize(
    ("fill", "std"),
    [
        (lambda p: init.uniform_(p, -1, 1), 1 / math.sqrt(3)),
        (lambda p: init.normal_(p, 0.0, 2.0), 2.0),
        (
            lambda p: init.trunc_normal_(p, 0.0, 1.0, -2.0, 2.0),
            0.8796,
        ),  # of the truncated normal
        (init.xavier_uniform_, math.sqrt(2 / 500)),
        (init.xavier_normal_, math.sqrt(2 / 500)),
        (lambda p: init.kaiming_uniform_(p, mode="fan_out"), math.sqrt(2 / 300)),
        (lambda p: init.kaiming_normal_(p, nonlinearity="relu"), math.sqrt(2 / 200)),
    ],
)
def test_spread_of_initial_values(fill: Any, std: float) -> None:
    nx.manual_seed(0)
    p = nn.Parameter(nx.zeros(300, 200))
    assert fill(p) is p and p.requires_grad
    values = p.numpy()
    assert values.std() == pytest.approx(std, rel=0.02) and abs(
        values.mean()
    ) < 0.02 * max(std, 0.1)
    if std == 0.8796:
        assert np.abs(values).max() <= 2


def test_constants_gains_and_generators() -> None:
    p = nn.Parameter(nx.zeros(3, 2))
    assert init.ones_(p).numpy().min() == 1 and init.zeros_(p).numpy().max() == 0
    assert init.constant_(p, 2.5).numpy().tolist() == [[2.5, 2.5]] * 3
    assert (
        init.calculate_gain("relu") == math.sqrt(2)
        and init.calculate_gain("leaky_relu", 1.0) == 1.0
    )
    a, b = (
        init.normal_(nn.Parameter(nx.zeros(8)), generator=nx.Generator(4)).tolist()
        for _ in range(2)
    )
    assert a == b


# ---- errors --------------------------------------------------------------------------

EXAMPLES = np.zeros((2, 3), np.float32)


def entropy(target: Any) -> nx.Tensor:
    return F.cross_entropy(EXAMPLES, target)


ERRORS: list[tuple[Any, type[Exception], str]] = [
    (
        lambda: nn.Linear(0, 1),
        InvalidArgumentError,
        "Linear: in_features=0; expected an int of 1 or more",
    ),
    (
        lambda: nn.Linear(2, 1)(EXAMPLES),
        ShapeError,
        r"shape \(2, 3\) for a weight of shape \(1, 2\)",
    ),
    (lambda: nn.Conv2d(1, 1, (3, 3, 3)), InvalidArgumentError, "kernel_size"),
    (lambda: nn.Conv2d(1, 1, 3, stride=0), InvalidArgumentError, "stride=0"),
    (lambda: nn.Conv2d(1, 1, 3, padding=-1), InvalidArgumentError, "padding=-1"),
    (
        lambda: nn.Conv2d(2, 1, 3)(nx.ones(1, 3, 5, 5)),
        ShapeError,
        "has 3 channels, the weight .* takes 2",
    ),
    (lambda: nn.Conv2d(3, 1, 3)(nx.ones(3, 5, 5)), ShapeError, r"\[N, C, H, W\]"),
    (lambda: nn.Conv2d(1, 1, 9)(nx.ones(1, 1, 5, 5)), ShapeError, "does not fit"),
    (lambda: nn.LayerNorm(4)(EXAMPLES), ShapeError, r"\(2, 3\) does not end in \(4,\)"),
    (lambda: nn.Dropout(1.5), InvalidArgumentError, "p=1.5"),
    (lambda: nn.Sequential(nn.ReLU(), 3), InvalidArgumentError, "item 1 is a int"),
    (lambda: nn.Parameter([1, 2]), DtypeError, "int32 tensor has no derivative"),
    (
        lambda: nn.Buffer([1.0], reduction="max"),
        InvalidArgumentError,
        '"mean" or "discard"',
    ),
    (lambda: nn.Module()(1), NotImplementedError, "Module defines no forward"),
    (
        lambda: F.mse_loss(nx.ones(3, 1), nx.ones(3)),
        ShapeError,
        r"\(3, 1\), the target \(3,\)",
    ),
    (
        lambda: F.mse_loss(nx.ones(3), nx.ones(3), "max"),
        InvalidArgumentError,
        "reduction='max'",
    ),
    (lambda: entropy([0, 3]), InvalidArgumentError, r"class 3 .* 3 classes \(0 to 2\)"),
    (lambda: entropy([-1, 0]), InvalidArgumentError, "class -1"),
    (lambda: entropy([0, 1, 2]), ShapeError, r"classes have shape \(2,\), not \(3,\)"),
    (lambda: entropy(np.ones(2)), ShapeError, "classes are integers"),
    (lambda: entropy([[1, 0, 0]] * 2), ShapeError, "one-hot targets must be floats"),
    (lambda: entropy([True, False]), DtypeError, "bool"),
    (
        lambda: init.uniform_(nx.ones(2)),
        InvalidArgumentError,
        "expected an nn.Parameter",
    ),
    (lambda: init.xavier_normal_(nn.Parameter([1.0])), ShapeError, "has no fan"),
    (lambda: init.calculate_gain("gelu"), InvalidArgumentError, "'gelu'"),
    (
        lambda: init.trunc_normal_(nn.Parameter([1.0]), low=1.0, high=0.0),
        InvalidArgumentError,
        "low < high",
    ),
]


@pytest.mark.parametrize(
    ("call", "error", "message"), ERRORS, ids=[m for _, _, m in ERRORS]
)
def test_bad_input_has_a_named_error(
    call: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()
