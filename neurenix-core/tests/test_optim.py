"""Optimizers against plain NumPy loops; schedules, limits, state and compiled steps."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import CaptureError, DtypeError, InvalidArgumentError, ShapeError

pytestmark = pytest.mark.usefixtures("device")
Array = np.ndarray[Any, Any]
SHAPES = ((3, 2), (4,))


def numpy_sgd(
    p: Array,
    g: Array,
    t: int,
    s: dict[str, Any],
    lr: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> Array:
    g = g + weight_decay * p
    if momentum:
        s["b"] = g if t == 1 else momentum * s["b"] + g
        g = g + momentum * s["b"] if nesterov else s["b"]
    return p - lr * g


def numpy_adam(
    p: Array,
    g: Array,
    t: int,
    s: dict[str, Any],
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> Array:
    g = g + weight_decay * p
    s["m"] = betas[0] * s.get("m", 0.0) + (1 - betas[0]) * g
    s["v"] = betas[1] * s.get("v", 0.0) + (1 - betas[1]) * g * g
    denominator = np.sqrt(s["v"]) / math.sqrt(1 - betas[1] ** t) + eps
    updated: Array = p - lr / (1 - betas[0] ** t) * s["m"] / denominator
    return updated


def numpy_adamw(
    p: Array, g: Array, t: int, s: dict[str, Any], lr: float, weight_decay: float = 0.01
) -> Array:
    return numpy_adam(p - lr * weight_decay * p, g, t, s, lr)


def numpy_rmsprop(
    p: Array,
    g: Array,
    t: int,
    s: dict[str, Any],
    lr: float,
    alpha: float = 0.99,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
) -> Array:
    g = g + weight_decay * p
    s["v"] = alpha * s.get("v", 0.0) + (1 - alpha) * g * g
    s["b"] = momentum * s.get("b", 0.0) + g / (np.sqrt(s["v"]) + 1e-8)
    updated: Array = p - lr * s["b"]
    return updated


CASES: list[tuple[Any, Callable[..., Array], dict[str, Any]]] = [
    (optim.SGD, numpy_sgd, {"lr": 0.1}),
    (optim.SGD, numpy_sgd, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    (optim.SGD, numpy_sgd, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (optim.Adam, numpy_adam, {"lr": 0.01}),
    (
        optim.Adam,
        numpy_adam,
        {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.1},
    ),
    (optim.AdamW, numpy_adamw, {"lr": 0.01}),
    (optim.AdamW, numpy_adamw, {"lr": 0.1, "weight_decay": 0.3}),
    (optim.RMSprop, numpy_rmsprop, {"lr": 0.01}),
    (
        optim.RMSprop,
        numpy_rmsprop,
        {"lr": 0.01, "alpha": 0.9, "momentum": 0.5, "weight_decay": 0.1},
    ),
]


@pytest.mark.parametrize(
    ("kind", "formula", "settings"),
    CASES,
    ids=lambda v: str(v) if isinstance(v, dict) else "",
)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float32", 2e-6), ("float64", 1e-13)]
)
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_ten_steps(
    kind: Any, formula: Any, settings: Any, dtype: str, tolerance: float, compiled: bool
) -> None:
    generator = np.random.default_rng(0)
    values: list[Array] = [generator.standard_normal(s).astype(dtype) for s in SHAPES]
    params = [nn.Parameter(v, dtype=dtype) for v in values]
    optimizer = kind(params, **settings)

    def step(*grads: nx.Tensor) -> None:
        optimizer.step(list(grads))

    run = nx.compile(step, state=[optimizer]) if compiled else step
    values, memory = [v.astype(np.float64) for v in values], [{}, {}]  # type: ignore[var-annotated]
    for t in range(1, 11):
        grads = [generator.standard_normal(s).astype(dtype) for s in SHAPES]
        run(*(nx.tensor(g, dtype=dtype) for g in grads))
        values = [
            formula(v, g.astype(np.float64), t, s, **settings)
            for v, g, s in zip(values, grads, memory, strict=True)
        ]
        for p, v in zip(params, values, strict=True):
            assert np.allclose(p.numpy(), v, rtol=tolerance, atol=tolerance)
    assert optimizer.steps == 10 and optimizer.lr == settings["lr"]


def test_adam_corrections_keep_their_digits() -> None:
    """1 − 0.999ᵗ in float32 would be wrong in the fifth digit at t = 1."""
    p = nn.Parameter([1.0])
    optimizer = optim.Adam([p], lr=1.0)
    for t in range(1, 4):
        optimizer.step([nx.tensor([1e-3])])
        assert optimizer.state_dict()["correction2"].item() == pytest.approx(
            1 - 0.999**t, rel=3e-7
        )


def network() -> nn.Sequential:
    nx.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.BatchNorm1d(8), nn.Linear(8, 2))


def train_step(net: nn.Module, optimizer: optim.Optimizer) -> Callable[..., nx.Tensor]:
    def step(x: nx.Tensor, y: nx.Tensor) -> nx.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optim.clip_grad_norm_(net.parameters(), 0.5)
        optimizer.step()
        return loss

    return step


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_a_compiled_training_step_is_the_eager_one(kind: Any) -> None:
    net = network()
    twin = copy.deepcopy(net)
    optimizers = [kind(m.parameters(), lr=0.05) for m in (net, twin)]
    eager = train_step(net, optimizers[0])
    compiled = nx.compile(train_step(twin, optimizers[1]), state=[twin, optimizers[1]])
    schedules = [optim.StepLR(o, 3, 0.5) for o in optimizers]
    generator = np.random.default_rng(0)
    losses = []
    x = nx.tensor(generator.standard_normal((16, 3)))
    y = nx.tensor((x.numpy().sum(1) > 0).astype(np.int32))
    for _ in range(10):
        a, b = eager(x, y).item(), compiled(x, y).item()
        assert a == pytest.approx(b, rel=1e-5)
        losses.append(a)
        for s in schedules:
            s.step()
    for (n, p), q in zip(
        net.state_dict().items(), twin.state_dict().values(), strict=True
    ):
        assert np.allclose(p.numpy(), q.numpy(), rtol=1e-4, atol=1e-6), n
    assert losses[-1] < losses[0]
    assert len(compiled.entries) == 1, "a schedule must not recompile"


def test_state_dict_resumes_exactly() -> None:
    net = network()
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    step = train_step(net, optimizer)
    x, y = (
        nx.tensor(np.random.default_rng(0).standard_normal((8, 3))),
        nx.tensor([0, 1] * 4),
    )
    step(x, y)
    saved = copy.deepcopy((net.state_dict(), optimizer.state_dict()))
    later = [step(x, y).item() for _ in range(3)]
    net2 = network()
    optimizer2 = optim.Adam(net2.parameters(), lr=0.5)
    net2.load_state_dict(saved[0])
    optimizer2.load_state_dict(saved[1])
    assert optimizer2.lr == 0.01 and optimizer2.steps == 1
    step = train_step(net2, optimizer2)
    assert [step(x, y).item() for _ in range(3)] == later
    with pytest.raises(
        InvalidArgumentError,
        match=r"Adam.load_state_dict: nothing was loaded. Missing: exp_avg.0",
    ):
        optimizer2.load_state_dict(optim.SGD(net2.parameters(), lr=0.1).state_dict())


def test_clipping() -> None:
    params = [
        nn.Parameter(nx.zeros(2)),
        nn.Parameter(nx.zeros(1)),
        nn.Parameter(nx.zeros(1)),
    ]
    params[0].grad, params[1].grad = nx.tensor([3.0, 0.0]), nx.tensor([-4.0])
    assert optim.clip_grad_norm_(params, 10.0).item() == 5.0
    assert params[0].grad.tolist() == [3.0, 0.0]
    assert optim.clip_grad_norm_(iter(params), 1.0).item() == 5.0
    assert np.allclose(
        [*params[0].grad.tolist(), *params[1].grad.tolist()],
        [0.6, 0.0, -0.8],
        rtol=1e-5,
    )
    optim.clip_grad_value_(params, 0.25)
    assert params[0].grad.tolist() == [0.25, 0.0] and params[1].grad.tolist() == [-0.25]
    assert params[2].grad is None


def test_clipping_is_differentiable() -> None:
    def clipped(x: nx.Tensor) -> nx.Tensor:
        found, _ = optim.clip_by_global_norm({"a": x[:2], "b": x[2]}, 1.0)
        return found["a"].sum() + 2.0 * found["b"]

    x, weights = np.array([3.0, -1.0, 2.0]), np.array([1.0, 1.0, 2.0])
    norm = np.sqrt(14.0)
    wanted = weights / (norm + 1e-6) - (weights @ x) * x / (norm * (norm + 1e-6) ** 2)
    found = nx.grad(clipped)(nx.tensor(x, dtype=nx.float64))
    assert np.allclose(found.numpy(), wanted, rtol=1e-12)
    at_zero = nx.grad(clipped)(nx.zeros(3))
    assert at_zero.tolist() == [1.0, 1.0, 2.0]


def test_schedules() -> None:
    optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.8)
    steps, seen = optim.StepLR(optimizer, 2, 0.5), []
    for _ in range(5):
        steps.step()
        seen.append(optimizer.lr)
    assert seen == [0.8, 0.4, 0.4, 0.2, 0.2]
    optimizer.lr = 1.0
    cosine = optim.CosineAnnealingLR(optimizer, 4, eta_min=0.2)
    seen = []
    for _ in range(5):
        cosine.step()
        seen.append(optimizer.lr)
    assert np.allclose(
        seen, [0.2 + 0.4 * (1 + math.cos(math.pi * min(t, 4) / 4)) for t in range(1, 6)]
    )
    optimizer.lr = 1.0
    warm = optim.LinearWarmup(optimizer, 2, optim.StepLR(optimizer, 1, 0.5))
    seen = [optimizer.lr]
    for _ in range(4):
        warm.step()
        seen.append(optimizer.lr)
    assert seen == [0.5, 1.0, 1.0, 0.5, 0.25]
    fresh = optim.SGD([nn.Parameter([1.0])], lr=9.0)
    resumed = optim.LinearWarmup(fresh, 2, optim.StepLR(fresh, 1, 0.5))
    resumed.load_state_dict(warm.state_dict())
    resumed.step()
    assert fresh.lr == 0.125
    other = optim.StepLR(optim.SGD([nn.Parameter([1.0])], lr=0.1), 2, 0.5)
    other.load_state_dict(steps.state_dict())
    assert other.epoch == 5 and other.optimizer.lr == 0.2


def one_parameter(lr: float = 1.0) -> optim.SGD:
    return optim.SGD([nn.Parameter([1.0])], lr=lr)


@pytest.mark.parametrize(
    ("start", "end", "epochs"), [(1.0, 0.0, 4), (0.25, 2.0, 7), (0.5, 0.5, 1)]
)
def test_a_linear_schedule_is_its_closed_form(
    start: float, end: float, epochs: int
) -> None:
    """lr · (start + t / epochs · (end − start)) in epoch t, and lr · end from then."""
    optimizer = one_parameter(0.8)
    schedule = optim.LinearLR(optimizer, start, end, total_iters=epochs)
    seen = [optimizer.lr]  # it takes effect at once
    for _ in range(epochs + 2):
        schedule.step()
        seen.append(optimizer.lr)
    line = np.linspace(0.8 * start, 0.8 * end, epochs + 1)
    assert np.allclose(seen, [*line, line[-1], line[-1]], rtol=1e-6)
    assert schedule.epoch == epochs + 2


def test_a_linear_schedule_scales_the_steps() -> None:
    optimizer = one_parameter(0.5)
    schedule = optim.LinearLR(optimizer, 1.0, 0.0, total_iters=2)
    places = []
    for _ in range(4):
        optimizer.step([nx.tensor([1.0])])
        schedule.step()
        places.append(optimizer.params[0].item())
    assert places == [0.5, 0.25, 0.25, 0.25]


def test_a_linear_schedule_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    optimizer = one_parameter(0.8)
    schedule = optim.LinearLR(optimizer, 1.0, 0.0, total_iters=8)
    for _ in range(3):
        schedule.step()
    state = {"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
    nx.save(state, tmp_path / "state.safetensors")
    loaded = nx.load(tmp_path / "state.safetensors")
    fresh = one_parameter(9.0)
    resumed = optim.LinearLR(fresh, 1.0, 0.0, total_iters=8)
    fresh.load_state_dict(loaded["optimizer"])
    resumed.load_state_dict(loaded["schedule"])
    assert resumed.state_dict() == schedule.state_dict()
    for _ in range(6):
        assert fresh.lr == optimizer.lr
        schedule.step()
        resumed.step()
    assert fresh.lr == 0.0


def test_a_linear_schedule_keeps_its_place_where_a_state_is_refused() -> None:
    optimizer = one_parameter()
    schedule = optim.LinearLR(optimizer, 1.0, 0.0, total_iters=4)
    schedule.step()
    for state, message in [
        ({"epoch": 2}, "expected epoch and initial_lr"),
        ({"epoch": -1, "initial_lr": 1.0}, "epoch=-1"),
        ({"epoch": 2, "initial_lr": -1.0}, "initial_lr=-1.0"),
    ]:
        with pytest.raises(InvalidArgumentError, match=message):
            schedule.load_state_dict(state)
        assert (schedule.epoch, schedule.initial_lr, optimizer.lr) == (1, 1.0, 0.75)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start_factor": -0.5}, "LinearLR: start_factor=-0.5"),
        ({"end_factor": float("nan")}, "LinearLR: end_factor=nan"),
        ({"total_iters": 0}, "LinearLR: total_iters=0"),
        ({"total_iters": 2.5}, "LinearLR: total_iters=2.5"),
    ],
)
def test_a_refused_linear_schedule_leaves_the_rate(
    arguments: dict[str, Any], message: str
) -> None:
    optimizer = one_parameter(0.8)
    with pytest.raises(InvalidArgumentError, match=message):
        optim.LinearLR(optimizer, **arguments)
    assert optimizer.lr == pytest.approx(0.8)


def test_a_failed_step_changes_nothing() -> None:
    params = [nn.Parameter([1.0]), nn.Parameter([2.0, 3.0])]
    optimizer = optim.Adam(params)
    with pytest.raises(
        ShapeError, match=r"gradient of shape \(1,\) for parameter 1 of shape \(2,\)"
    ):
        optimizer.step([nx.ones(1), nx.ones(1)])
    with pytest.raises(InvalidArgumentError, match="no parameter has a gradient"):
        optimizer.step()
    with pytest.raises(InvalidArgumentError, match="1 gradients for 2 parameters"):
        optimizer.step([nx.ones(1)])
    net = nn.Linear(2, 1)
    before = optim.Adam(net.parameters())
    net.to(nx.float64)
    with pytest.raises(
        InvalidArgumentError,
        match=r"weight is float64\[1, 2\] on .* make the optimizer after",
    ):
        before.step([nx.ones(1, 2), nx.ones(1)])
    assert params[0].tolist() == [1.0] and optimizer.steps == before.steps == 0
    with pytest.raises(CaptureError, match=r"SGD.lr: set it between compiled calls"):
        sgd = optim.SGD(params, lr=1.0)

        def sets() -> None:
            sgd.lr = 0.5

        nx.compile(sets, state=[sgd])()
    assert sgd.lr == 1.0


def make() -> nn.Parameter:
    return nn.Parameter([1.0])


ERRORS: list[tuple[Any, type[Exception], str]] = [
    (lambda: optim.SGD([make()], lr=-1.0), InvalidArgumentError, "SGD: lr=-1.0"),
    (lambda: optim.SGD([make()], lr=float("nan")), InvalidArgumentError, "SGD: lr=nan"),
    (
        lambda: optim.SGD([make()], lr=0.1, momentum=-1),
        InvalidArgumentError,
        "momentum=-1",
    ),
    (
        lambda: optim.SGD([make()], lr=0.1, nesterov=True),
        InvalidArgumentError,
        "nesterov needs a momentum",
    ),
    (
        lambda: optim.Adam([make()], betas=(0.9, 1.0)),
        InvalidArgumentError,
        r"betas=\(0.9, 1.0\)",
    ),
    (lambda: optim.Adam([make()], eps=-1), InvalidArgumentError, "eps=-1"),
    (lambda: optim.Adam([]), InvalidArgumentError, "there are no parameters"),
    (
        lambda: optim.Adam([make()] * 2),
        InvalidArgumentError,
        "parameter 1 is there twice",
    ),
    (
        lambda: optim.Adam([nx.ones(1)]),
        DtypeError,
        "item 0 is a Tensor, not an nn.Parameter",
    ),
    (lambda: optim.Adam(make()), DtypeError, "expected several parameters"),
    (lambda: optim.Adam(nn.Linear(1, 1)), DtypeError, "not Linear"),
    (
        lambda: optim.StepLR(optim.SGD([make()], lr=1.0), 0),
        InvalidArgumentError,
        "step_size=0",
    ),
    (
        lambda: optim.StepLR(make(), 1),
        InvalidArgumentError,
        "expected an optimizer, not Parameter",
    ),
    (
        lambda: optim.RMSprop([make()], alpha=2.0),
        InvalidArgumentError,
        "RMSprop: alpha=2.0",
    ),
    (
        lambda: optim.AdamW([make()], betas=(1.0, 0.9)),
        InvalidArgumentError,
        "AdamW: betas=",
    ),
    (
        lambda: optim.LinearWarmup(
            optim.SGD([make()], lr=1.0), 3, optim.StepLR(optim.SGD([make()], lr=1.0), 1)
        ),
        InvalidArgumentError,
        "schedule of the same optimizer",
    ),
    (
        lambda: optim.clip_grad_norm_([make()], 1.0),
        InvalidArgumentError,
        "no parameter has a gradient",
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


def test_state_of_one_name_is_refused() -> None:
    class Twice(optim.Optimizer):
        def __init__(self, params: Any) -> None:
            super().__init__(params, 0.1)
            self._like_params("average")
            self._like_params("average")

    with pytest.raises(InvalidArgumentError, match=r"its state has 'average.0' twice"):
        Twice([nn.Parameter([1.0])])
