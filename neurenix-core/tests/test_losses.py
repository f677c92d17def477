"""Losses by PyTorch's names and formulas, which NumPy computes: values, derivatives to
the second order, and vmap; at their ends, and in compiled code."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.nn import functional as F
from neurenix.testing.derivatives import check_function

Array = Any


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.normal(0, 1, shape)


def unit(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.uniform(0.1, 0.9, shape)


CLASSES = np.array([0, 2, 1, 2])


def entropy(
    logits: Array,
    classes: Array,
    reduction: str = "mean",
    weight: Array = None,
    ignore: int | None = None,
    smoothing: float = 0.0,
) -> Array:
    """PyTorch's formula, class by class."""
    logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    count = logits.shape[1]
    factors = np.ones(count) if weight is None else np.asarray(weight)
    losses, shares = [], []
    for row, c in zip(logs, classes, strict=True):
        kept = c != ignore
        even = -(factors * row).sum() / count
        losses.append(
            kept * ((1 - smoothing) * -factors[c] * row[c] + smoothing * even)
        )
        shares.append(kept * factors[c])
    if reduction == "mean":
        return np.sum(losses) / np.sum(shares)
    return np.sum(losses) if reduction == "sum" else np.array(losses)


WEIGHT = [0.5, 1.0, 2.0]
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "sum": {"reduction": "sum"},
    "weight": {"weight": WEIGHT},
    "weight, none": {"weight": WEIGHT, "reduction": "none"},
    "ignore": {"ignore_index": 2},
    "smoothing": {"label_smoothing": 0.1},
    "all": {"weight": WEIGHT, "ignore_index": 1, "label_smoothing": 0.3},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_cross_entropy(device: str, name: str) -> None:
    options = OPTIONS[name]
    renamed = {"ignore_index": "ignore", "label_smoothing": "smoothing"}
    plain = {renamed.get(k, k): v for k, v in options.items()}
    layer = nn.CrossEntropyLoss(**options)
    for ours in (
        lambda x: F.cross_entropy(x, nx.tensor(CLASSES), **options),
        lambda x: layer(x, nx.tensor(CLASSES)),
    ):
        check_function(ours, lambda x: entropy(x, CLASSES, **plain), ((4, 3),))
    if not options.get("label_smoothing"):
        nll = nn.NLLLoss(**options)
        check_function(
            lambda x: nll(nx.log_softmax(x, 1), nx.tensor(CLASSES)),
            lambda x: entropy(x, CLASSES, **plain),
            ((4, 3),),
        )


def test_cross_entropy_over_images_and_of_one_example(device: str) -> None:
    rng = np.random.default_rng(0)
    logits, classes = rng.normal(0, 1, (2, 3, 4)), rng.integers(0, 3, (2, 4))
    rows = np.moveaxis(logits, 1, 2).reshape(-1, 3)
    options = {"weight": WEIGHT, "ignore_index": 0, "label_smoothing": 0.2}
    x = nx.tensor(logits, nx.float64)
    found = F.cross_entropy(x, nx.tensor(classes), **options)
    expected = entropy(rows, classes.reshape(-1), "mean", WEIGHT, 0, 0.2)
    assert found.item() == pytest.approx(expected)
    one = F.cross_entropy(x[0, :, 0], nx.tensor(1), weight=WEIGHT, reduction="sum")
    assert one.item() == pytest.approx(entropy(rows[:1], [1], "sum", WEIGHT))


def test_cross_entropy_of_probabilities(device: str) -> None:
    t = np.array([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0]])

    def expected(x: Array) -> Array:
        logs = x - np.log(np.exp(x).sum(1, keepdims=True))
        return -(logs * (t * 0.9 + 0.1 / 3) * np.array(WEIGHT)).sum(1).mean()

    check_function(
        lambda x: F.cross_entropy(
            x, nx.tensor(t, x.dtype), weight=WEIGHT, label_smoothing=0.1
        ),
        expected,
        ((2, 3),),
    )


def test_what_is_ignored_may_be_no_class(device: str) -> None:
    target = nx.tensor([1, -100])
    loss = nn.CrossEntropyLoss(ignore_index=-100)
    assert loss(nx.zeros(2, 2), target).item() == pytest.approx(math.log(2))
    slope = nx.grad(lambda x: loss(x, target))(nx.tensor([[0.0, 0.0], [math.inf, 0.0]]))
    assert slope[0].tolist() == [0.5, -0.5]
    small = nx.tensor([1, 1], dtype="uint8")
    assert loss(nx.zeros(2, 2), small).item() == pytest.approx(math.log(2))
    assert math.isnan(loss(nx.zeros(1, 2), nx.tensor([-100])).item())
    with pytest.raises(nx.errors.DtypeError, match="bool targets"):
        loss(nx.zeros(2, 2), nx.tensor([True, False]))


def log_sigmoid(x: Array) -> Array:
    return -np.logaddexp(0, -x)


def divergence(x: Array, t: Array) -> Array:
    return t * (np.log(t) - x)


LOSSES: dict[str, tuple[Any, Any, tuple[Any, Any]]] = {
    "mse": (nn.MSELoss(), lambda x, t: ((x - t) ** 2).mean(), (normal, normal)),
    "l1": (nn.L1Loss("sum"), lambda x, t: np.abs(x - t).sum(), (normal, normal)),
    "huber": (
        nn.HuberLoss("none", delta=0.7),
        lambda x, t: np.where(
            np.abs(x - t) <= 0.7, (x - t) ** 2 / 2, 0.7 * (np.abs(x - t) - 0.35)
        ),
        (normal, normal),
    ),
    "smooth_l1": (
        nn.SmoothL1Loss(beta=0.7),
        lambda x, t: np.where(
            np.abs(x - t) < 0.7, (x - t) ** 2 / 1.4, np.abs(x - t) - 0.35
        ).mean(),
        (normal, normal),
    ),
    "bce": (
        nn.BCELoss("none"),
        lambda p, t: -(t * np.log(p) + (1 - t) * np.log(1 - p)),
        (unit, unit),
    ),
    "bce with logits": (
        nn.BCEWithLogitsLoss(),
        lambda x, t: -(t * log_sigmoid(x) + (1 - t) * log_sigmoid(-x)).mean(),
        (normal, unit),
    ),
    "bce with weights": (
        nn.BCEWithLogitsLoss("sum", pos_weight=[1.0, 2.0, 0.5]),
        lambda x, t: (
            -(
                np.array([1.0, 2.0, 0.5]) * t * log_sigmoid(x)
                + (1 - t) * log_sigmoid(-x)
            ).sum()
        ),
        (normal, unit),
    ),
    "kl": (
        nn.KLDivLoss("batchmean"),
        lambda x, t: divergence(x, t).sum() / 2,
        (normal, unit),
    ),
    "kl of logs": (
        nn.KLDivLoss("none", log_target=True),
        lambda x, t: np.exp(t) * (t - x),
        (normal, normal),
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses(device: str, name: str) -> None:
    loss, expected, (first, second) = LOSSES[name]
    makers = iter([first, second] * 9)
    check_function(
        loss, expected, ((2, 3), (2, 3)), lambda rng, shape: next(makers)(rng, shape)
    )


def test_losses_at_their_ends(device: str) -> None:
    p, t = nx.tensor([0.0, 1.0, 0.0, 1.0]), nx.tensor([0.0, 1.0, 1.0, 0.0])
    assert F.binary_cross_entropy(p, t, "none").tolist() == [0, 0, 100, 100]
    slope = nx.grad(lambda v: F.binary_cross_entropy(v, t))(p)
    assert np.isfinite(slope.numpy()).all()
    far = nx.tensor([-1e4, 1e4])
    found = F.binary_cross_entropy_with_logits(far, nx.ones(2), "none").tolist()
    assert found == [1e4, 0]
    assert F.kl_div(nx.zeros(2), nx.tensor([0.0, 1.0]), "none").tolist() == [0, 0]
    with pytest.raises(nx.errors.InvalidArgumentError, match="with_logits"):
        F.binary_cross_entropy(nx.tensor([2.0]), nx.ones(1))
    for loss in (F.l1_loss, F.huber_loss, F.smooth_l1_loss, F.binary_cross_entropy):
        assert math.isnan(loss(nx.tensor([math.nan]), nx.ones(1)).item())


def test_losses_are_settings_of_a_program(device: str) -> None:
    loss = nn.CrossEntropyLoss(weight=nx.tensor([1.0, 3.0]))
    assert loss.weight == (1.0, 3.0) and not loss.state_dict()
    x, t = nx.tensor([[1.0, 0.0], [0.0, 2.0]]), nx.tensor([0, 1])
    f = nx.compile(lambda a, b: loss(a, b), state=[loss])
    assert f(x, t).item() == pytest.approx(loss(x, t).item())
    loss.weight = (1.0, 1.0)
    assert f(x, t).item() == pytest.approx(loss(x, t).item())
