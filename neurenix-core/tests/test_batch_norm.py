"""Batch norm in its four modes, and derivatives through it under map and vmap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.errors import CaptureError, InvalidArgumentError, ShapeError
from neurenix.nn.functional.normalization import normalize_batch
from neurenix.passes.pipeline import prepare

pytestmark = pytest.mark.usefixtures("device")
Array = np.ndarray[Any, Any]


def array(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


def double(x: Array) -> nx.Tensor:
    return nx.tensor(x, dtype=nx.float64)


def formula(x: Array, mean: Array, var: Array, w: Any = 1.0, b: Any = 0.0) -> Array:
    ones = (1, -1, *(1,) * (x.ndim - 2))
    mean, var = mean.reshape(ones), var.reshape(ones)
    return (x - mean) / np.sqrt(var + 1e-5) * np.reshape(w, ones) + np.reshape(b, ones)


def statistics(x: Array) -> tuple[Array, Array]:
    axes = (0, *range(2, x.ndim))
    return x.mean(axes), x.var(axes)


SHAPES = [
    (nn.BatchNorm1d, (6, 3)),
    (nn.BatchNorm1d, (4, 3, 5)),
    (nn.BatchNorm2d, (2, 3, 4, 5)),
]


@pytest.mark.parametrize(("kind", "shape"), SHAPES)
def test_running(kind: Any, shape: tuple[int, ...]) -> None:
    layer = kind(3, momentum=0.3).to(nx.float64)
    w, b = array(3, seed=8), array(3, seed=9)
    layer.weight.assign(w)
    layer.bias.assign(b)
    mean, var = np.zeros(3), np.ones(3)
    for seed in range(3):
        x = 2 * array(*shape, seed=seed) + 1
        batch_mean, batch_var = statistics(x)
        assert np.allclose(
            layer(double(x)).numpy(),
            formula(x, batch_mean, batch_var, w, b),
            rtol=1e-10,
        )
        count = x.size // 3
        mean, var = (
            0.7 * mean + 0.3 * batch_mean,
            0.7 * var + 0.3 * batch_var * count / (count - 1),
        )
    assert np.allclose(layer.running_mean.numpy(), mean) and np.allclose(
        layer.running_var.numpy(), var
    )
    x = array(*shape, seed=7)
    assert np.allclose(
        layer.eval()(double(x)).numpy(), formula(x, mean, var, w, b), rtol=1e-10
    )
    assert np.allclose(
        layer(double(x[:1])).numpy(), formula(x[:1], mean, var, w, b), rtol=1e-10
    )


def test_transductive_stores_nothing() -> None:
    layer = nn.BatchNorm2d(3, mode="transductive", affine=False).to(nx.float64).eval()
    x = array(2, 3, 4, 4)
    assert not layer.state_dict()
    assert np.allclose(layer(double(x)).numpy(), formula(x, *statistics(x)), rtol=1e-10)


def test_support_stores_exactly_and_differentiably() -> None:
    net = (
        nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3, mode="support"))
        .to(nx.float64)
        .eval()
    )
    support, query = double(array(6, 2)), double(array(4, 2, seed=1))

    def loss(params: dict[str, nx.Tensor]) -> nx.Tensor:
        with nn.batch_norm_phase("collect"):
            first, buffers = nn.functional_call(net, params, support)
        with nn.batch_norm_phase("stored"):
            second, none = nn.functional_call(net, {**params, **buffers}, query)
        assert sorted(buffers) == ["1.running_mean", "1.running_var"] and not none
        return (first.square() * 0.1 + nx.sin(second[:1]).sum()).sum()

    params = {n: p.value().detach() for n, p in net.named_parameters()}
    before = {n: v.numpy().copy() for n, v in net.state_dict().items()}
    w, b = params["0.weight"].numpy(), params["0.bias"].numpy()
    hidden = support.numpy() @ w.T + b
    hidden_query = query.numpy() @ w.T + b
    first, second = (
        formula(hidden, *statistics(hidden)),
        formula(hidden_query, *statistics(hidden)),
    )
    assert loss(params).item() == pytest.approx(
        (first**2 * 0.1 + np.sin(second[:1]).sum()).sum(), rel=1e-10
    )
    gradient = nx.grad(loss)(params)["0.weight"].numpy()
    for i in np.ndindex(3, 2):
        moved = []
        for h in (1e-5, -1e-5):
            shifted = w.copy()
            shifted[i] += h
            moved.append(loss({**params, "0.weight": double(shifted)}).item())
        assert gradient[i] == pytest.approx(
            (moved[0] - moved[1]) / 2e-5, rel=1e-6, abs=1e-8
        )
    assert all(
        np.array_equal(v.numpy(), before[n]) for n, v in net.state_dict().items()
    )


def test_support_outside_a_phase_is_running() -> None:
    a, b = nn.BatchNorm1d(3, mode="support"), nn.BatchNorm1d(3)
    x = nx.tensor(array(5, 3))
    assert np.array_equal(a(x).numpy(), b(x).numpy())
    assert np.array_equal(a.eval()(x).numpy(), b.eval()(x).numpy())
    with nn.batch_norm_phase("stored"):
        assert np.array_equal(
            a.train()(x).numpy(), b(x).numpy()
        )  # stored, though training


def test_per_step_has_rows() -> None:
    layer = nn.BatchNorm1d(2, mode="per_step", steps=3, momentum=0.5).to(nx.float64)
    assert (
        layer.weight is not None
        and layer.running_mean is not None
        and layer.running_var is not None
    )
    w = array(3, 2, seed=5)
    layer.weight.assign(w)
    x = array(6, 2)
    mean, var = statistics(x)
    for step, row in ((0, 0), (1, 1), (2, 2), (9, 2)):
        with nn.inner_step(step):
            assert np.allclose(
                layer(double(x)).numpy(), formula(x, mean, var, w[row]), rtol=1e-10
            )
        rows = layer.running_mean.numpy()
        assert np.allclose(rows[row], mean * (0.75 if step == 9 else 0.5)) and np.all(
            rows[row + 1 :] == 0
        )
    layer.running_mean.assign(array(3, 2, seed=6))
    layer.eval()
    with nn.inner_step(1):
        expected = formula(
            x, layer.running_mean.numpy()[1], layer.running_var.numpy()[1], w[1]
        )
        assert np.allclose(layer(double(x)).numpy(), expected, rtol=1e-10)


def test_per_step_transductive_has_rows_of_scales_and_stores_nothing() -> None:
    layer = nn.BatchNorm1d(2, mode="per_step_transductive", steps=3).to(nx.float64)
    assert layer.weight is not None and layer.running_mean is None
    w, x = array(3, 2, seed=5), array(6, 2)
    layer.weight.assign(w)
    mean, var = statistics(x)
    for training in (True, False):
        layer.train(training)
        for step, row in ((0, 0), (2, 2), (9, 2)):
            with nn.inner_step(step):
                y = layer(double(x)).numpy()
            assert np.allclose(y, formula(x, mean, var, w[row]), rtol=1e-10)


def test_compiled_code_sees_phase_and_step() -> None:
    support = nn.BatchNorm1d(2, mode="support").eval()
    steps = nn.BatchNorm1d(2, mode="per_step", steps=2).eval()
    assert steps.weight is not None
    steps.weight.assign(np.array([[1, 1], [3, 3]]))
    x = nx.tensor(array(5, 2) + 4)
    f, g = (
        nx.compile(lambda x: support(x), state=[support]),
        nx.compile(lambda x: steps(x), state=[steps]),
    )
    plain = f(x).numpy()
    with nn.batch_norm_phase("collect"):
        collected = f(x).numpy()
    with nn.batch_norm_phase("stored"):
        stored = f(x).numpy()
    assert np.allclose(collected, stored, rtol=1e-4, atol=1e-5) and not np.allclose(
        plain, stored
    )
    with nn.inner_step(1):
        assert np.allclose(g(x).numpy(), 3 * steps(x).numpy() / 3)
        third = g(x).numpy()
    assert np.allclose(third, 3 * g(x).numpy(), rtol=1e-5)


def test_buffers_leave_a_map_by_their_reduction() -> None:
    x = array(4, 6, 3)
    for mode, expected in (("running", 0.1 * x.mean((0, 1))), ("support", None)):
        net = nn.Sequential(nn.BatchNorm1d(3, mode=mode)).to(nx.float64)
        _, stacked = nx.map(lambda x, net=net: nn.functional_call(net, {}, x))(
            double(x)
        )
        assert stacked["0.running_mean"].shape == (4, 3)
        reduced = nn.reduced_buffers(net, stacked)
        if expected is None:
            assert not reduced
            continue
        nn.assign_buffers(net, reduced)
        assert np.allclose(net[0].running_mean.numpy(), expected)


# ---- second order --------------------------------------------------------------------

NORMS = {
    "transductive": lambda: nn.BatchNorm2d(3, mode="transductive"),
    "running": lambda: nn.BatchNorm2d(3),
    "support": lambda: nn.BatchNorm2d(3, mode="support"),
    "per_step": lambda: nn.BatchNorm2d(3, mode="per_step", steps=2),
    "per_step_transductive": lambda: nn.BatchNorm2d(
        3, mode="per_step_transductive", steps=2
    ),
    "layer_norm": lambda: nn.LayerNorm((3, 6, 6)),
}


def plain_layers(
    p: dict[str, nx.Tensor], x: nx.Tensor, names: list[str], layer_norm: bool
) -> nx.Tensor:
    """Two layers of conv, norm and tanh, with nothing of nn.Module in them."""
    for conv, weight, bias in (names[:3], names[3:]):
        x = nn.functional.conv2d(x, p[conv], padding=1)
        axes = (1, 2, 3) if layer_norm else (0, 2, 3)
        mean = x.mean(axes, keepdims=True)
        centred = x - mean
        var = (centred * centred).mean(axes, keepdims=True)
        w, b = p[weight], p[bias]
        if not layer_norm:
            w, b = (t[0] if t.ndim == 2 else t for t in (w, b))
            w, b = w.reshape(3, 1, 1), b.reshape(3, 1, 1)
        x = nx.tanh(centred * nx.rsqrt(var + 1e-5) * w + b)
    return x


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_meta_gradient_is_that_of_a_plain_loop(norm: str, compiled: bool) -> None:
    """Issue 2's case: two conv + norm layers, one inner step, second order; the same
    loss through a loop over tasks without modules, nx.vmap and nx.map."""
    nx.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 3, 3, padding=1, bias=False),
        NORMS[norm](),
        nn.Tanh(),
        nn.Conv2d(3, 3, 3, padding=1, bias=False),
        NORMS[norm](),
        nn.Tanh(),
    ).to(nx.float64)
    tasks = 4
    x, want = double(array(tasks, 8, 3, 6, 6)), double(array(tasks, 8, 3, 6, 6, seed=1))
    params = {
        n: double(0.3 * array(*p.shape, seed=i + 2))
        for i, (n, p) in enumerate(net.named_parameters())
    }
    names = list(params)

    def plain(p: Any, x: nx.Tensor) -> nx.Tensor:
        return plain_layers(p, x, names, norm == "layer_norm")

    def module(p: Any, x: nx.Tensor) -> nx.Tensor:
        output: nx.Tensor = nn.functional_call(net, p, x)[0]
        return output

    def task(model: Any, p: Any, x: nx.Tensor, y: nx.Tensor) -> nx.Tensor:
        inner = lambda p: (model(p, x) - y).square().mean()  # noqa: E731
        g = nx.grad(inner)(p)
        loss: nx.Tensor = inner({n: p[n] - 0.4 * g[n] for n in p})
        return loss

    def looped(p: Any) -> nx.Tensor:
        losses = [task(plain, p, x[i], want[i]) for i in range(tasks)]
        return sum(losses[1:], losses[0]) * (1 / tasks)

    reference = nx.grad(looped)(params)
    ways = {
        "vmap": lambda p, x, y: nx.vmap(lambda x, y: task(module, p, x, y))(
            x, y
        ).mean(),
        "map": lambda p, x, y: nx.map(
            lambda x, y: task(module, p, x, y), reduce="mean"
        )(x, y),
    }
    for name, way in ways.items():
        f = nx.grad(way)
        got = (nx.compile(f, state=[net]) if compiled else f)(params, x, want)
        for n in names:
            expected = reference[n].numpy()
            error = np.linalg.norm(got[n].numpy() - expected) / np.linalg.norm(expected)
            assert error < 1e-8, f"{name}: {n} is off by {error:.1e}"


# ---- errors --------------------------------------------------------------------------


def test_errors() -> None:
    layer = nn.BatchNorm2d(3)
    before = {n: v.numpy().copy() for n, v in layer.state_dict().items()}
    for bad in ((2, 3), (2, 4, 5, 5), (2, 3, 5)):
        with pytest.raises(
            ShapeError, match=r"BatchNorm2d\(3\): .* expected \[N, C, H, W\] with C = 3"
        ):
            layer(nx.ones(*bad))
    with pytest.raises(ShapeError, match="1 value a channel"):
        layer(nx.ones(1, 3, 1, 1))
    assert layer.eval()(nx.ones(1, 3, 1, 1)).shape == (1, 3, 1, 1)
    with pytest.raises(InvalidArgumentError, match="mode='batch'"):
        nn.BatchNorm1d(3, mode="batch")
    with pytest.raises(InvalidArgumentError, match="need steps"):
        nn.BatchNorm1d(3, mode="per_step")
    with pytest.raises(InvalidArgumentError, match="others have none"):
        nn.BatchNorm1d(3, steps=2)
    with (
        pytest.raises(InvalidArgumentError, match="phase='query'"),
        nn.batch_norm_phase("query"),
    ):
        pass
    with pytest.raises(InvalidArgumentError, match="index=-1"), nn.inner_step(-1):
        pass
    layer.train()
    with pytest.raises(
        CaptureError, match=r"running_mean was given a new value inside a mapped"
    ):
        nx.map(layer)(nx.ones(2, 4, 3, 2, 2))
    with pytest.raises(InvalidArgumentError, match="stores no statistics"):
        transductive = nn.BatchNorm1d(3, mode="transductive")
        transductive.mode = "running"
        transductive(nx.ones(2, 3))
    assert all(
        np.array_equal(v.numpy(), before[n]) for n, v in layer.state_dict().items()
    )


def plainly(
    x: Any, w: Any, b: Any, average: Any = None, variance: Any = None
) -> tuple[Any, Any, Any]:
    """Batch norm as it is written in the paper, to be differentiated as it stands."""
    ones = (1, -1, *(1,) * (x.ndim - 2))
    axes = (0, *range(2, x.ndim))
    m = nx.mean(x, axes) if average is None else average
    centred = x - m.reshape(ones)
    v = nx.mean(centred * centred, axes) if variance is None else variance
    y = centred * nx.rsqrt(v.reshape(ones) + 1e-5) * w.reshape(ones) + b.reshape(ones)
    return y, m, v


def ours(
    x: Any, w: Any, b: Any, average: Any = None, variance: Any = None
) -> tuple[Any, Any, Any]:
    if average is not None:
        y = nn.functional.batch_norm(x, average, variance, w, b)
        return y, average, variance
    return normalize_batch("batch_norm", x, w, b, 1e-5)


def to_second_order(norm: Any, arguments: tuple[Any, ...], used: int) -> list[Any]:
    """Values, gradients, and the gradient of their product with a direction, by all
    arguments; of the outputs the first `used`, so the statistics too."""

    def loss(*given: Any) -> nx.Tensor:
        outs = norm(*given)[:used]
        return sum(nx.sin(o * (k + 1.3)).sum() for k, o in enumerate(outs))

    numbers = tuple(range(len(arguments)))

    def along(*given: Any) -> nx.Tensor:
        gradients = nx.grad(loss, numbers)(*given)
        return sum(
            (g * nx.cos(nx.arange(g.size).reshape(g.shape).to(g.dtype))).sum()
            for g in gradients
        )

    return [
        *norm(*arguments),
        *nx.grad(loss, numbers)(*arguments),
        *nx.grad(along, numbers)(*arguments),
    ]


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("used", [1, 3])
@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 5), (2, 3, 4, 5)])
def test_derivatives_are_those_of_the_formula(
    shape: tuple[int, ...], used: int, stored: bool
) -> None:
    arguments = [
        double(3 * array(*shape) + 5),
        *(double(array(3, seed=k)) for k in (1, 2)),
    ]
    if stored:
        arguments += [double(array(3, seed=3)), double(array(3, seed=4) ** 2 + 0.3)]
    expected = to_second_order(plainly, tuple(arguments), used)
    for how in (lambda f: f, nx.compile):
        found = how(lambda *given: to_second_order(ours, given, used))(*arguments)
        for a, b in zip(found, expected, strict=True):
            assert np.allclose(a.numpy(), b.numpy(), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("transform", [nx.vmap, nx.map])
def test_second_order_over_tasks(transform: Any) -> None:
    x, w, b = array(5, 6, 3), array(5, 3, seed=1), array(5, 3, seed=2)
    each = [
        to_second_order(plainly, tuple(double(v[i]) for v in (x, w, b)), 3)
        for i in range(5)
    ]
    found = transform(lambda *given: to_second_order(ours, given, 3))(
        double(x), double(w), double(b)
    )
    for k, a in enumerate(found):
        expected = np.stack([row[k].numpy() for row in each])
        assert np.allclose(a.numpy(), expected, rtol=1e-8, atol=1e-8)


def test_forward_mode_is_that_of_the_formula() -> None:
    x, t = double(array(6, 3)), double(array(6, 3, seed=1))
    w, b = double(array(3, seed=2)), double(array(3, seed=3))

    def loss(norm: Any) -> Any:
        return lambda x: sum(nx.sin(o).sum() for o in norm(x, w, b))

    expected = nx.hvp(loss(plainly), (x,), (t,))[0].numpy()
    for forward in (False, True):
        found = nx.hvp(loss(ours), (x,), (t,), forward_over_reverse=forward)[0].numpy()
        assert np.allclose(found, expected, rtol=1e-8, atol=1e-8)
    assert np.allclose(
        nx.jvp(loss(ours), (x,), (t,))[1].numpy(),
        nx.jvp(loss(plainly), (x,), (t,))[1].numpy(),
        rtol=1e-8,
    )


@pytest.mark.parametrize("of_a_layer", [False, True])
def test_the_derivative_takes_two_sums_in_one_pass(of_a_layer: bool) -> None:
    """Beside the mean's and the variance's own."""

    def loss(x: Any) -> nx.Tensor:
        if of_a_layer:
            return nx.sin(nn.functional.layer_norm(x, 64)).sum()
        return nx.sin(nn.functional.batch_norm(x, training=True)).sum()

    program = prepare(nx.capture(nx.grad(loss), nx.ones(32, 64)))
    sums = [
        len([s for s in i.outputs if s.type.size < 32 * 64])
        for i in program.instructions
        if any(s.type.size == 32 * 64 for s in i.inputs)
    ]
    assert sorted(n for n in sums if n) == [1, 1, 2]
