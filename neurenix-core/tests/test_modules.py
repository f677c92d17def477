"""nn.Module: names, state, copies, and what a compiled step sees of it."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.errors import InvalidArgumentError, ShapeError

pytestmark = pytest.mark.usefixtures("device")


def array(*shape: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).standard_normal(shape)


def mlp() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 3))


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


def test_items_of_a_sequential_are_replaced_and_appended() -> None:
    net = nn.Sequential(nn.Linear(2, 5), nn.Tanh())
    f = nx.compile(lambda x: net(x), state=[net])
    x = nx.ones(1, 2)
    f(x)
    net[1] = nn.ReLU()
    net[-2] = nn.Linear(2, 3)
    assert net.append(nn.Linear(3, 1)) is net and f(x).shape == (1, 1)
    assert [n for n, _ in net.named_children()] == ["0", "1", "2"]
    assert (f(x).numpy() == net(x).numpy()).all()
    for index, layer, words in (
        (3, nn.ReLU(), "item 3 of 3"),
        (0, 5, "item 0 is a int"),
        (-4, nn.ReLU(), "item -4 of 3"),
    ):
        with pytest.raises(InvalidArgumentError, match=words):
            net[index] = layer
    with pytest.raises(InvalidArgumentError, match="item 3 is a function"):
        net.append(nx.relu)


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


def weights(kind: Any) -> nn.Module:
    part = nn.Module()
    part.w = kind([1.0])
    return part


@pytest.mark.parametrize(
    "attributes",
    [
        lambda a, b: {"layers": {"b.c": a, "b": {"c": b}}},
        lambda a, b: {"layers": {1: a, "1": b}},
        lambda a, b: {"layers": {None: a, "None": b}},
        lambda a, b: {"layers": [a], "layers.0": b},
        lambda a, b: {"net": nn.Sequential(a), "net.0": b},
        lambda a, b: {"net.0": a, "net": nn.Sequential(b)},
        lambda a, b: {"net": {"0.layers": a}, "net.0": {"layers": b}},
        lambda a, b: {"net": {"0": {"w": a.w}}, "net.0": b},
    ],
)
@pytest.mark.parametrize("first", [nn.Parameter, nn.Buffer])
@pytest.mark.parametrize("second", [nn.Parameter, nn.Buffer])
def test_names_that_collide_are_refused(
    attributes: Any, first: Any, second: Any
) -> None:
    net = nn.Module()
    for name, value in attributes(weights(first), weights(second)).items():
        setattr(net, name, value)
    message = "Module: two different parameters or buffers have the name '.*w'"
    for ask in (
        net.state_dict,
        net.named_cells,
        lambda: net.load_state_dict({}),
        lambda: net.to(nx.float64),
        lambda: nn.functional_call(net, {}, 1),
    ):
        with pytest.raises(InvalidArgumentError, match=message):
            ask()
    if first is second:
        with pytest.raises(InvalidArgumentError, match=message):
            list(net.parameters() if first is nn.Parameter else net.buffers())
    whole = nn.Module()
    with pytest.raises(InvalidArgumentError, match=message):
        whole.part = net
    assert not hasattr(whole, "part")


def test_names_that_only_look_alike_are_each_there() -> None:
    net = nn.Module()
    net.layers = {"a.b": weights(nn.Parameter), "a": {"c": weights(nn.Parameter)}}
    setattr(net, "layers.0", weights(nn.Buffer))
    net.shared = net.layers
    assert list(net.state_dict()) == ["layers.a.b.w", "layers.a.c.w", "layers.0.w"]


def test_a_module_called_generator_is_state_beside_the_random_stream() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.generator = nn.Module()
            self.generator.step = nn.Buffer([0.0])
            self.stream = nx.Generator(3)

        def forward(self) -> nx.Tensor:
            self.generator.step.assign(self.generator.step + 1)
            return nx.rand(2, generator=self.stream)

    net = Net()
    assert len(net.state_cells()) == 2
    step = nx.compile(net, state=[net])
    first, second = step(), step()
    assert first.tolist() != second.tolist()
    assert net.generator.step.tolist() == [2.0]
