"""functional_call: modules as functions, within every transform."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.errors import InvalidArgumentError, ShapeError

pytestmark = pytest.mark.usefixtures("device")


def double(*shape: int, seed: int = 0) -> nx.Tensor:
    return nx.tensor(
        np.random.default_rng(seed).standard_normal(shape), dtype=nx.float64
    )


def network() -> nn.Sequential:
    nx.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)).to(nx.float64)


def start(net: nn.Module) -> dict[str, nx.Tensor]:
    return {n: p.value().detach() for n, p in net.named_parameters()}


def adapted_loss(net: nn.Module, steps: int) -> Any:
    """MAML's loss of one task, after `steps` of gradient descent."""

    def loss(p: Any, x: nx.Tensor, y: nx.Tensor) -> nx.Tensor:
        output, _ = nn.functional_call(net, p, x)
        return nn.functional.mse_loss(output, y)

    def task(p: Any, x: nx.Tensor, y: nx.Tensor) -> nx.Tensor:
        for _ in range(steps):
            g = nx.grad(loss)(p, x, y)
            p = {n: p[n] - 0.1 * g[n] for n in p}
        return loss(p, x, y)

    return task


def test_it_is_the_module_with_other_weights() -> None:
    net, x = network(), double(3, 2)
    params = start(net)
    output, buffers = nn.functional_call(net, params, x)
    assert np.array_equal(output.numpy(), net(x).numpy()) and buffers == {}
    doubled = {n: v * 2.0 for n, v in params.items()}
    other, _ = nn.functional_call(net, doubled, x)
    net.load_state_dict(doubled)
    assert np.array_equal(other.numpy(), net(x).numpy())
    partly, _ = nn.functional_call(net, {"2.bias": np.array([7.0])}, x)
    assert np.allclose(partly.numpy(), net(x).numpy() - doubled["2.bias"].numpy() + 7.0)


def test_the_module_stays_as_it_is_also_after_an_error() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    before = {n: (c.data, c.node) for n, c in net.named_cells().items()}
    _, buffers = nn.functional_call(
        net, {"0.weight": nx.ones(3, 2)}, nx.tensor(np.eye(2))
    )
    assert sorted(buffers) == ["1.running_mean", "1.running_var"]
    assert np.allclose(
        buffers["1.running_mean"].numpy(), 0.1 * (1 + net[0].bias.numpy()), rtol=1e-5
    )
    with pytest.raises(ShapeError):
        nn.functional_call(net, {"0.weight": nx.ones(3, 2)}, nx.ones(2, 5))
    with pytest.raises(
        InvalidArgumentError,
        match=r"Sequential has no '0.wieght'; it has 0.weight, 0.bias",
    ):
        nn.functional_call(net, {"0.wieght": nx.ones(3, 2)}, nx.ones(2, 2))
    with pytest.raises(
        ShapeError,
        match=r"0.weight holds float32\[3, 2\]; float32\[2, 2\] cannot stand in",
    ):
        nn.functional_call(net, {"0.weight": nx.ones(2, 2)}, nx.ones(2, 2))
    assert all(
        (c.data, c.node) == (before[n][0], before[n][1])
        for n, c in net.named_cells().items()
    )


def test_buffers_can_be_given_and_are_chained() -> None:
    layer, x = nn.BatchNorm1d(2), nx.tensor([[1.0, 2.0], [3.0, 6.0]])
    _, first = nn.functional_call(layer, {}, x)
    _, second = nn.functional_call(layer, first, x)
    layer(x)
    layer(x)
    for name, buffer in layer.named_buffers():
        assert np.array_equal(second[name].numpy(), buffer.numpy())
    output, updated = nn.functional_call(layer.eval(), first, x)
    mean, var = first["running_mean"].numpy(), first["running_var"].numpy()
    assert not updated and np.allclose(
        output.numpy(), (x.numpy() - mean) / np.sqrt(var + 1e-5), rtol=1e-5
    )


def test_gradients_do_not_reach_the_module() -> None:
    net, x = network(), double(3, 2)
    leaves = {
        n: nx.tensor(v.numpy(), dtype=nx.float64, requires_grad=True)
        for n, v in start(net).items()
    }
    output, _ = nn.functional_call(net, leaves, x)
    output.sum().backward()
    assert all(leaf.grad is not None for leaf in leaves.values())
    assert all(p.grad is None for p in net.parameters())
    net(x).sum().backward()
    for name, p in net.named_parameters():
        assert np.allclose(p.grad.numpy(), leaves[name].grad.numpy())  # type: ignore[union-attr]


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_meta_gradient_against_finite_differences(steps: int) -> None:
    net = network()
    task, params, x, y = (
        adapted_loss(net, steps),
        start(net),
        double(5, 2),
        double(5, 1, seed=1),
    )
    gradient = nx.grad(task)(params, x, y)
    for name, value in params.items():
        direction = np.random.default_rng(3).standard_normal(value.shape)
        moved = [
            task(
                {**params, name: value + h * nx.tensor(direction, dtype=nx.float64)},
                x,
                y,
            ).item()
            for h in (1e-5, -1e-5)
        ]
        slope = float((gradient[name].numpy() * direction).sum())
        assert slope == pytest.approx((moved[0] - moved[1]) / 2e-5, rel=1e-6, abs=1e-9)


def test_loop_map_vmap_scan_and_compile_agree() -> None:
    net = network()
    task, params, x, y = (
        adapted_loss(net, 2),
        start(net),
        double(3, 5, 2),
        double(3, 5, 1, seed=1),
    )

    def looped(p: Any, x: nx.Tensor, y: nx.Tensor) -> nx.Tensor:
        return (task(p, x[0], y[0]) + task(p, x[1], y[1]) + task(p, x[2], y[2])) * (
            1 / 3
        )

    def scanned(p: Any, x: nx.Tensor, y: nx.Tensor) -> nx.Tensor:
        total, _ = nx.scan(
            lambda c, xy: (c + task(p, *xy), None),
            nx.tensor(0.0, dtype=nx.float64),
            (x, y),
        )
        result: nx.Tensor = total * (1 / 3)
        return result

    ways = {
        "loop": looped,
        "scan": scanned,
        "map": lambda p, x, y: nx.map(lambda x, y: task(p, x, y), reduce="mean")(x, y),
        "vmap": lambda p, x, y: nx.vmap(lambda x, y: task(p, x, y))(x, y).mean(),
    }
    expected = {n: g.numpy() for n, g in nx.grad(looped)(params, x, y).items()}
    for name, way in ways.items():
        for f in (nx.grad(way), nx.compile(nx.grad(way), state=[net])):
            got = f(params, x, y)
            for n in params:
                assert np.allclose(
                    got[n].numpy(), expected[n], rtol=1e-8, atol=1e-12
                ), name


def test_the_inner_loop_as_a_scan() -> None:
    net = network()
    params, x, y = start(net), double(5, 2), double(5, 1, seed=1)

    def loss(p: Any) -> nx.Tensor:
        return nn.functional.mse_loss(
            nn.functional_call(net, p, nx.constant(x))[0], nx.constant(y)
        )

    def scanned(p: Any) -> nx.Tensor:
        def inner(p: Any, _: Any) -> Any:
            g = nx.grad(loss)(p)
            return {n: p[n] - 0.1 * g[n] for n in p}, loss(p)

        last, _ = nx.scan(inner, p, length=3)
        return loss(last)

    expected = nx.grad(adapted_loss(net, 3))(params, x, y)
    got = nx.compile(nx.grad(scanned), state=[net])(params)
    for n in params:
        assert np.allclose(got[n].numpy(), expected[n].numpy(), rtol=1e-8, atol=1e-12)


def test_a_meta_step_as_one_program() -> None:
    """The parameters are state, the tasks a map, and Adam's update is within."""
    nets = [network(), network()]
    optimizers = [nx.optim.Adam(net.parameters(), lr=0.05) for net in nets]
    x, y = double(4, 5, 2), double(4, 5, 1, seed=1)

    def meta_step(net: nn.Module, optimizer: nx.optim.Optimizer) -> Any:
        task = adapted_loss(net, 2)

        def step(x: nx.Tensor, y: nx.Tensor) -> nx.Tensor:
            optimizer.zero_grad()
            params = dict(net.named_parameters())
            loss: nx.Tensor = nx.map(lambda x, y: task(params, x, y), reduce="mean")(
                x, y
            )
            loss.backward()
            optimizer.step()
            return loss

        return step

    eager = meta_step(nets[0], optimizers[0])
    compiled = nx.compile(
        meta_step(nets[1], optimizers[1]), state=[nets[1], optimizers[1]]
    )
    for _ in range(5):
        assert eager(x, y).item() == pytest.approx(compiled(x, y).item(), rel=1e-10)
    for p, q in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert np.allclose(p.numpy(), q.numpy(), rtol=1e-8)
