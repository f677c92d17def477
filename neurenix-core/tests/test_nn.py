"""Modules, layers, losses and initial values, against NumPy."""

from __future__ import annotations

import copy
import math
import pickle
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


def mlp() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 3))


# ---- modules -------------------------------------------------------------------------


class Composite(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(2, 2)
        self.blocks = [nn.Linear(2, 2), nn.Linear(2, 2, bias=False)]
        self.table = {"scale": nn.Parameter([1.0])}
        self.count = nn.Buffer([0], dtype=nx.int32)
        self.tied = self.head

    def forward(self, x: nx.Tensor) -> nx.Tensor:
        for block in (self.head, *self.blocks):
            x = block(x)
        return x * self.table["scale"]


def test_names_of_parameters_buffers_and_modules() -> None:
    net = Composite()
    names = [
        "table.scale",
        "head.weight",
        "head.bias",
        "blocks.0.weight",
        "blocks.0.bias",
        "blocks.1.weight",
    ]
    assert [n for n, _ in net.named_parameters()] == names
    assert [n for n, _ in net.named_buffers()] == ["count"]
    assert [n for n, _ in net.named_modules()] == ["", "head", "blocks.0", "blocks.1"]
    assert list(net.state_dict()) == [*names, "count"]
    assert set(net.state_cells()) == {*names, "count"}
    assert nn.Sequential(net)[0].blocks[1].weight.name == "0.blocks.1.weight"


def test_state_dict_is_a_snapshot_and_loads() -> None:
    a, b = mlp(), mlp()
    x = nx.tensor(array(4, 2))
    saved = a.state_dict()
    a[0].weight.assign(np.zeros((5, 2), np.float32))
    assert np.abs(saved["0.weight"].numpy()).max() > 0
    b.load_state_dict(saved)
    a.load_state_dict({n: v.numpy() for n, v in saved.items()})
    assert np.array_equal(a(x).numpy(), b(x).numpy())


def test_load_state_dict_changes_nothing_when_it_fails() -> None:
    net = mlp()
    before = {n: v.numpy().copy() for n, v in net.state_dict().items()}
    wrong = {
        "0.weight": nx.zeros(5, 2),
        "0.bias": nx.zeros(4),
        "2.weight": nx.zeros(3, 5),
        "9.bias": nx.zeros(3),
    }
    with pytest.raises(
        InvalidArgumentError,
        match=r"Missing: 2\.bias; unexpected: 9\.bias; .*0\.bias has shape \(5,\)",
    ):
        net.load_state_dict(wrong)
    with pytest.raises(
        ShapeError, match=r"0\.bias has shape \(5,\), the state's \(4,\)"
    ):
        net.load_state_dict({**net.state_dict(), "0.bias": nx.zeros(4)})
    with pytest.raises(
        InvalidArgumentError, match=r"0\.bias is float32, the state's int32"
    ):
        net.load_state_dict({**net.state_dict(), "0.bias": nx.tensor([1, 2, 3, 4, 5])})
    for name, value in net.state_dict().items():
        assert np.array_equal(value.numpy(), before[name])
    loaded = net.load_state_dict(
        {"0.weight": nx.ones(5, 2), "x": nx.ones(1)}, strict=False
    )
    assert loaded.unexpected == ["x"] and loaded.missing == [
        "0.bias",
        "2.weight",
        "2.bias",
    ]
    assert net[0].weight.tolist() == np.ones((5, 2)).tolist()


def test_train_eval_apply_and_zero_grad() -> None:
    net = nn.Sequential(nn.Dropout(0.5), mlp())
    assert net.training and not net.eval()[0].training and net.train()[1][1].training
    seen: list[str] = []
    net.apply(lambda m: seen.append(type(m).__name__))
    assert seen[-1] == "Sequential" and len(seen) == 6
    net(nx.ones(1, 2)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_to_another_dtype() -> None:
    net = Composite().to(nx.float64)
    assert {p.dtype for p in net.parameters()} == {
        nx.float64
    } and net.count.dtype is nx.int32
    assert net(nx.ones(1, 2, dtype="float64")).dtype is nx.float64
    assert net.to("float32")(nx.ones(1, 2)).dtype is nx.float32
    with pytest.raises(InvalidArgumentError, match="int32 has no derivative"):
        net.to(nx.int32)


def test_a_compiled_module_sees_dtype_training_and_attributes() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.LeakyReLU(0.5))
    f = nx.compile(lambda: net(nx.ones(1, 2) * -1).sum(), state=[net])
    x = -np.ones((1, 2))

    def expected(slope: float) -> float:
        y = x @ net[0].weight.numpy().T + net[0].bias.numpy()
        return float(np.where(y > 0, y, slope * y).sum())

    assert f().item() == pytest.approx(expected(0.5), rel=1e-5)
    net[1].negative_slope = 0.1
    assert f().item() == pytest.approx(expected(0.1), rel=1e-5)
    net.eval()
    net.to(nx.float64)
    assert f().dtype is nx.float64 and len(f.entries) == 3


def train(net: nn.Module, optimizer: nx.optim.Optimizer) -> None:
    """One compiled step, which writes in place."""

    def step(x: nx.Tensor) -> None:
        net(x).sum().backward()
        optimizer.step()

    nx.compile(step, state=[net, optimizer])(nx.tensor(array(3, 2)))


def test_copies_are_independent() -> None:
    for copied in (copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))):
        net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, mode="support"))
        twin = copied(net)
        before = {n: v.numpy().copy() for n, v in net.state_dict().items()}
        for cell in twin.named_cells().values():
            cell.assign(cell + 1)
        assert all(
            np.array_equal(v.numpy(), before[n]) for n, v in net.state_dict().items()
        )
        assert (
            twin[1].running_mean.reduction == "discard" and twin[0].weight.requires_grad
        )
        optimizer = nx.optim.SGD(twin.parameters(), lr=1.0)
        train(twin, optimizer)
        assert all(
            np.array_equal(v.numpy(), before[n]) for n, v in net.state_dict().items()
        )


def test_repr_reads_like_the_network() -> None:
    text = repr(
        nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.Sequential(nn.ReLU(), nn.MaxPool2d(2)),
            nn.Linear(8, 2, bias=False),
        )
    )
    assert text == (
        "Sequential(\n"
        "  (0): Conv2d(1, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))\n"
        "  (1): Sequential(\n"
        "    (0): ReLU()\n"
        "    (1): MaxPool2d((2, 2), stride=(2, 2), padding=(0, 0))\n"
        "  )\n"
        "  (2): Linear(8, 2, bias=False)\n"
        ")"
    )


def test_sequential_from_a_list_or_arguments() -> None:
    layers = [nn.Linear(2, 2), nn.ReLU(), nn.Identity()]
    a, b = nn.Sequential(layers), nn.Sequential(*layers)
    assert len(a) == len(b) == 3 and list(a) == layers and a[-1] is layers[2]
    assert list(a[1:]) == layers[1:]
    assert np.array_equal(a(nx.ones(1, 2)).numpy(), b(nx.ones(1, 2)).numpy())


def test_a_parameter_is_not_replaced_by_accident() -> None:
    layer = nn.Linear(2, 2)
    with pytest.raises(
        InvalidArgumentError,
        match=r"Linear.weight is a parameter: give it a value with .weight.assign",
    ):
        layer.weight = layer.weight - 1.0  # type: ignore[assignment]
    layer.bias = None
    assert [n for n, _ in layer.named_parameters()] == ["weight"]


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
