"""Groups of parameters beside an optimizer for each, which test_optim has judged; and
what is frozen beside what is not there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import CaptureError, DtypeError, InvalidArgumentError

pytestmark = pytest.mark.usefixtures("device")
SHAPES = ((3, 2), (4,), (2,))

# The optimizer, what holds for all groups, and what the second one has for itself.
GROUPS: list[tuple[Any, dict[str, Any], dict[str, Any]]] = [
    (optim.SGD, {"lr": 0.1}, {"lr": 0.5}),
    (optim.SGD, {"lr": 0.1}, {"momentum": 0.9}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.9}, {"momentum": 0.0, "weight_decay": 0.1}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.5}, {"nesterov": True}),
    (optim.Adam, {"lr": 0.1}, {"lr": 0.01}),
    (optim.Adam, {"lr": 0.1}, {"betas": (0.5, 0.9), "eps": 1e-3}),
    (optim.Adam, {"lr": 0.1, "weight_decay": 0.1}, {"weight_decay": 0.0}),
    (optim.AdamW, {"lr": 0.1}, {"weight_decay": 0.5, "lr": 0.2}),
    (optim.RMSprop, {"lr": 0.1}, {"alpha": 0.5, "momentum": 0.5}),
    (optim.RMSprop, {"lr": 0.1, "momentum": 0.9}, {"momentum": 0.0, "eps": 0.1}),
]
KINDS: list[tuple[Any, dict[str, Any]]] = [
    (optim.SGD, {"lr": 0.1}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    (optim.Adam, {"lr": 0.1}),
    (optim.AdamW, {"lr": 0.1}),
    (optim.RMSprop, {"lr": 0.1, "momentum": 0.5}),
]
each_group = pytest.mark.parametrize(
    ("kind", "common", "own"), GROUPS, ids=[f"{k.__name__}-{o}" for k, _, o in GROUPS]
)
each_kind = pytest.mark.parametrize(
    ("kind", "settings"), KINDS, ids=[f"{k.__name__}-{s}" for k, s in KINDS]
)
either_way = pytest.mark.parametrize("compiled", [False, True])


def three() -> list[nn.Parameter]:
    rng = np.random.default_rng(0)
    return [nn.Parameter(rng.standard_normal(s)) for s in SHAPES]


def gradients(seed: int) -> list[nx.Tensor]:
    rng = np.random.default_rng(seed)
    return [nx.tensor(rng.standard_normal(s)) for s in SHAPES]


def stepping(optimizer: optim.Optimizer, compiled: bool) -> Any:
    def step(*grads: nx.Tensor) -> None:
        optimizer.step(list(grads))

    return nx.compile(step, state=[optimizer]) if compiled else step


def same(a: list[nn.Parameter], b: list[nn.Parameter]) -> bool:
    return all((x.numpy() == y.numpy()).all() for x, y in zip(a, b, strict=True))


@each_group
@either_way
def test_a_group_is_an_optimizer_of_its_own(
    kind: Any, common: Any, own: Any, compiled: bool
) -> None:
    params, alone = three(), three()
    both = kind([{"params": params[:2]}, {"params": params[2], **own}], **common)
    first, second = kind(alone[:2], **common), kind(alone[2:], **{**common, **own})
    steps = [stepping(o, compiled) for o in (both, first, second)]
    for round in range(4):
        grads = gradients(round)
        for step, some in zip(steps, (grads, grads[:2], grads[2:]), strict=True):
            step(*some)
        assert all(
            np.allclose(x.numpy(), y.numpy(), rtol=1e-6, atol=1e-7)
            for x, y in zip(params, alone, strict=True)
        )
    if not compiled:
        assert same(params, alone)


@each_group
def test_groups_resume_to_the_bit(
    kind: Any, common: Any, own: Any, tmp_path: Path
) -> None:
    def make(params: list[nn.Parameter]) -> Any:
        return kind([{"params": params[:1]}, {"params": params[1:], **own}], **common)

    params = three()
    optimizer = make(params)
    optimizer.step(gradients(0))
    nx.save(optimizer.state_dict(), tmp_path / "state")
    again = [nn.Parameter(p.numpy()) for p in params]
    optimizer.step(gradients(1))
    other = make(again)
    other.load_state_dict(nx.load(tmp_path / "state"))
    other.step(gradients(1))
    assert same(params, again)


def test_what_a_group_says_of_itself() -> None:
    a, b, c = three()
    optimizer = optim.Adam(
        [{"params": [a], "lr": 0.5, "name": "head"}, {"params": iter([b, c])}],
        lr=0.1,
        weight_decay=0.2,
    )
    head, body = optimizer.param_groups
    assert dict(head) == {
        **{"params": [a], "lr": 0.5, "betas": (0.9, 0.999), "eps": 1e-8},
        **{"weight_decay": 0.2, "name": "head"},
    }
    assert body["params"] == [b, c] and body["lr"] == 0.1 and "name" not in body
    body["lr"], body["betas"] = 0.25, [0.5, 0.5]
    assert body["lr"] == 0.25 and body["betas"] == (0.5, 0.5)
    assert head["lr"] == 0.5 and head["betas"] == (0.9, 0.999)
    assert repr(optimizer).startswith("Adam(1 parameters, lr=0.5, name=head; 2 param")
    [only] = optim.SGD([a], lr=0.1).param_groups
    assert only["lr"] == 0.1 and only["momentum"] == 0.0


def test_what_is_set_in_a_group_counts_in_compiled_code() -> None:
    p = nn.Parameter([0.0])
    q = nn.Parameter([0.0])
    optimizer = optim.SGD([{"params": p}, {"params": q}], lr=1.0)
    step = stepping(optimizer, compiled=True)
    step(nx.ones(1), nx.ones(1))
    optimizer.param_groups[1]["lr"] = 3.0
    step(nx.ones(1), nx.ones(1))
    assert (p.item(), q.item()) == (-2.0, -4.0)
    assert step.stats().misses == 1  # a learning rate is state
    optimizer.param_groups[0]["weight_decay"] = 1.0
    step(nx.zeros(1), nx.zeros(1))
    assert (p.item(), q.item()) == (0.0, -4.0)
    optimizer.lr = 0.5
    assert [g["lr"] for g in optimizer.param_groups] == [0.5, 0.5]


def rates_of(schedule: optim.Schedule, epochs: int) -> list[list[float]]:
    found = []
    for _ in range(epochs):
        found.append([g["lr"] for g in schedule.optimizer.param_groups])
        schedule.step()
    return found


SCHEDULES: list[Any] = [
    lambda o: optim.StepLR(o, 2, 0.5),
    lambda o: optim.CosineAnnealingLR(o, 4, eta_min=0.01),
    lambda o: optim.LinearLR(o, 0.25, 0.5, total_iters=3),
    lambda o: optim.LinearWarmup(o, 2),
    lambda o: optim.LinearWarmup(o, 2, then=optim.CosineAnnealingLR(o, 3, 0.02)),
]


@pytest.mark.parametrize("make", SCHEDULES)
def test_a_schedule_takes_each_group_from_its_own_rate(make: Any) -> None:
    a, b, _ = three()
    groups = optim.SGD([{"params": a, "lr": 1.0}, {"params": b}], lr=0.1)
    alone = [rates_of(make(optim.SGD([a], lr=lr)), 6) for lr in (1.0, 0.1)]
    assert rates_of(make(groups), 6) == [[x, y] for [x], [y] in zip(*alone)]


def test_a_schedule_of_groups_goes_on_from_its_state() -> None:
    def make() -> optim.Schedule:
        a, b, _ = three()
        groups = optim.SGD([{"params": a, "lr": 1.0}, {"params": b}], lr=0.1)
        return optim.StepLR(groups, 2, 0.5)

    schedule, other = make(), make()
    rates_of(schedule, 3)
    other.load_state_dict(schedule.state_dict())
    assert rates_of(other, 3) == rates_of(schedule, 3)
    single = optim.StepLR(optim.SGD(three(), lr=1.0), 2)
    with pytest.raises(InvalidArgumentError, match="2 learning rates for an optimizer"):
        single.load_state_dict(schedule.state_dict())


@each_kind
@either_way
def test_what_is_frozen_stays_and_goes_on_later(
    kind: Any, settings: Any, compiled: bool
) -> None:
    params, alone = three(), three()
    optimizer = kind(params, **settings)
    others = [kind([p], **settings) for p in alone]
    step = stepping(optimizer, compiled)
    for round in range(6):
        for i, p in enumerate(params):  # each makes other steps than the others
            p.requires_grad = bool((round + i) % (i + 1) == 0)
        before = [p.numpy().copy() for p in params]
        grads = gradients(round)
        step(*grads)
        for i, p in enumerate(params):
            if p.requires_grad:
                others[i].step([grads[i]])
            else:
                assert (p.numpy() == before[i]).all()
            want = alone[i].numpy()
            assert np.allclose(p.numpy(), want, rtol=1e-5, atol=1e-6)


@each_kind
def test_the_state_of_what_was_frozen_is_kept(kind: Any, settings: Any) -> None:
    params = three()
    optimizer = kind(params, **settings)
    untouched = set(optimizer.state_dict())
    params[1].requires_grad = False
    optimizer.step(gradients(0))
    params[1].requires_grad = True
    optimizer.step(gradients(1))
    again = [nn.Parameter(p.numpy()) for p in params]
    other = kind(again, **settings)  # nothing of it was ever frozen
    other.load_state_dict(optimizer.state_dict())
    for o in (optimizer, other):
        o.step(gradients(2))
    assert same(params, again)
    fresh = kind(three(), **settings)
    assert set(fresh.state_dict()) == untouched
    # A state from before anything was frozen.
    old = fresh.state_dict()
    optimizer.load_state_dict(old)
    assert optimizer.steps == 0


def test_frozen_parameters_have_no_gradient() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    (model(nx.ones(4, 2)) ** 2).sum().backward()
    assert model[0].weight.grad is not None
    assert model[0].requires_grad_(False) is model[0]
    assert model[0].weight.grad is None and model[2].weight.grad is not None
    model.zero_grad()
    (model(nx.ones(4, 2)) ** 2).sum().backward()
    assert model[0].weight.grad is None and model[2].weight.grad is not None
    model.requires_grad_()
    assert all(p.requires_grad for p in model.parameters())


def test_compiled_code_sees_what_is_frozen() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    def train(x: nx.Tensor) -> nx.Tensor:
        model.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    step = nx.compile(train, state=[model, optimizer])
    x = nx.ones(4, 2)
    for frozen in (False, True, False, True):
        model[0].requires_grad_(not frozen)
        before = {n: v.numpy().copy() for n, v in model.state_dict().items()}
        step(x)
        for name, value in model.state_dict().items():
            moved = bool((value.numpy() != before[name]).any())
            assert moved == (not frozen or name.startswith("1."))
    assert step.stats().misses == 2


def test_a_single_parameter_that_is_state_is_seen_frozen() -> None:
    p = nn.Parameter([2.0])

    def square() -> Any:
        loss = (p * p).sum()
        if p.requires_grad:
            loss.backward()
        return loss if p.grad is None else p.grad

    run = nx.compile(square, state=[p])
    assert run().item() == 4.0  # here both are 4
    p.assign([3.0])
    assert run().item() == 6.0
    p.requires_grad = False
    assert run().item() == 9.0


def make() -> nn.Parameter:
    return nn.Parameter([1.0])


def frozen_in_a_capture() -> None:
    model = nn.Linear(1, 1)

    def f(x: nx.Tensor) -> nx.Tensor:
        model.requires_grad_(False)
        return model(x)

    nx.compile(f, state=[model])(nx.ones(1, 1))


def all_frozen() -> None:
    model = nn.Linear(1, 1).requires_grad_(False)
    optim.SGD(model.parameters(), lr=0.1).step([nx.ones(1, 1), nx.ones(1)])


p, q = nn.Parameter([1.0]), nn.Parameter([1.0])
ERRORS: list[tuple[Any, type[Exception], str]] = [
    (
        lambda: optim.SGD([{"params": [p]}, {"params": [q, p]}], lr=0.1),
        InvalidArgumentError,
        "is there twice (in group 0 and group 1)",
    ),
    (lambda: optim.SGD([{"params": [p]}, q], lr=0.1), DtypeError, "group 1 is a Param"),
    (lambda: optim.SGD([q, {"params": [p]}], lr=0.1), DtypeError, "group 0 is a Param"),
    (lambda: optim.SGD({"params": [p]}, lr=0.1), DtypeError, "not one dict"),
    (lambda: optim.SGD([{"lr": 0.1}], lr=0.1), InvalidArgumentError, "no 'params'"),
    (lambda: optim.SGD([{"params": []}], lr=1.0), InvalidArgumentError, "group 0: the"),
    (
        lambda: optim.SGD([{"params": [p], "momentun": 1.0}], lr=0.1),
        InvalidArgumentError,
        "group 0 has 'momentun', which this optimizer has not; did you mean 'momentum'",
    ),
    (
        lambda: optim.SGD([{"params": [p], "lr": -1.0}], lr=0.1),
        InvalidArgumentError,
        "SGD: lr=-1.0",
    ),
    (
        lambda: optim.Adam([{"params": [p], "betas": 0.9}]),
        InvalidArgumentError,
        "Adam: betas=0.9",
    ),
    (
        lambda: optim.SGD([{"params": [p], "nesterov": True}], lr=0.1),
        InvalidArgumentError,
        "nesterov needs a momentum",
    ),
    (
        lambda: optim.SGD(nn.Linear(1, 1).named_parameters(), lr=0.1),
        DtypeError,
        "give parameters(), not named_parameters()",
    ),
    (
        lambda: optim.SGD([{"params": p}, {"params": q, "lr": 0.2}], lr=0.1).lr,
        InvalidArgumentError,
        "the groups have the learning rates 0.1, 0.2",
    ),
    (
        lambda: optim.SGD([p], lr=0.1).param_groups[0].update(params=[q]),
        InvalidArgumentError,
        "param_groups[0]['params'] cannot be set",
    ),
    (
        lambda: optim.SGD([p], lr=0.1).param_groups[0].pop("lr"),
        InvalidArgumentError,
        "'lr' cannot be deleted",
    ),
    (all_frozen, InvalidArgumentError, "all parameters are frozen"),
    (frozen_in_a_capture, CaptureError, "set it between calls"),
    (
        lambda: make().requires_grad_("no"),  # type: ignore[arg-type]
        InvalidArgumentError,
        "requires_grad='no'",
    ),
    (
        lambda: nn.Parameter([1], requires_grad=False).requires_grad_(),
        DtypeError,
        "int32 tensor has no derivative",
    ),
]


@pytest.mark.parametrize(
    ("call", "error", "message"), ERRORS, ids=[m for _, _, m in ERRORS]
)
def test_bad_input_has_a_named_error(
    call: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_a_momentum_that_had_no_state_is_refused() -> None:
    parameter = make()
    optimizer = optim.SGD([{"params": make()}, {"params": parameter}], lr=0.1)
    optimizer.param_groups[1]["momentum"] = 0.9
    with pytest.raises(InvalidArgumentError, match="make another one"):
        optimizer.step([nx.ones(1)] * 2)
    assert [p.item() for p in optimizer.params] == [1.0, 1.0]
    assert optimizer.steps == 0
