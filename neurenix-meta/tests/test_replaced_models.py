"""A model whose parts are replaced after its learner was used: `evaluate`,
`adapt_to_task` and `meta_learn` see it, whatever the method; and what no longer fits is
refused by name, each time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import InvalidArgumentError
from neurenix.meta import (
    ANIL,
    BOIL,
    FOMAML,
    IMAML,
    MAML,
    R2D2,
    Callback,
    ConditionalNeuralProcess,
    MAMLPlusPlus,
    MatchingNetworks,
    MetaSGD,
    ProtoMAML,
    PrototypicalNetworks,
    Reptile,
    generate_classification_tasks,
    generate_regression_tasks,
)

REGRESSION = generate_regression_tasks(2, 5, seed=0)
CLASSES = generate_classification_tasks(2, seed=0)
WIDTH = 6


def linear(inputs: int, outputs: int, seed: int) -> nn.Linear:
    made = nn.Linear(inputs, outputs)
    rng = np.random.default_rng(seed)
    for p in made.parameters():
        p.assign(rng.normal(size=p.shape) * 0.4)
    return made


class Net(nn.Module):
    """Layers in a list, a dict and an attribute."""

    def __init__(self, inputs: int, outputs: int, seed: int = 0) -> None:
        super().__init__()
        self.layers = [linear(inputs, WIDTH, seed), linear(WIDTH, WIDTH, seed + 1)]
        self.branches = {"a": linear(WIDTH, outputs, seed + 2)}
        self.head = linear(WIDTH, outputs, seed + 3)

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = nx.tanh(layer(x))
        return self.branches["a"](x) + self.head(x)


def neural_process(seed: int = 0) -> ConditionalNeuralProcess:
    return ConditionalNeuralProcess(Net(2, 4, seed), Net(5, 2, seed + 9))


def of(kind: Any, inputs: int, outputs: int, **options: Any) -> Callable[..., Any]:
    return lambda seed=0: kind(Net(inputs, outputs, seed), **options)


METHODS: dict[str, tuple[Callable[..., Any], Any]] = {
    "MAML": (of(MAML, 1, 1, inner_steps=2), REGRESSION),
    "FOMAML": (of(FOMAML, 1, 1, inner_steps=2), REGRESSION),
    "Reptile": (of(Reptile, 1, 1, inner_steps=2), REGRESSION),
    "Reptile with Adam": (
        of(Reptile, 1, 1, inner_steps=2, inner_optimizer="adam"),
        REGRESSION,
    ),
    "ANIL": (of(ANIL, 1, 1, inner_steps=2), REGRESSION),
    "BOIL": (of(BOIL, 1, 1, inner_steps=2), REGRESSION),
    "MetaSGD": (of(MetaSGD, 1, 1), REGRESSION),
    "MAML++": (of(MAMLPlusPlus, 1, 1, inner_steps=2), REGRESSION),
    "IMAML": (of(IMAML, 1, 1, inner_steps=2), REGRESSION),
    "ProtoMAML": (of(ProtoMAML, 20, 4, inner_steps=2), CLASSES),
    "PrototypicalNetworks": (of(PrototypicalNetworks, 20, 4), CLASSES),
    "MatchingNetworks": (of(MatchingNetworks, 20, 4), CLASSES),
    "R2D2": (of(R2D2, 20, 4), CLASSES),
    "ConditionalNeuralProcess": (neural_process, REGRESSION),
}


def network(learner: Any) -> Any:
    return getattr(learner.model, "encoder", learner.model)


def parameter(learner: Any) -> None:
    layer = network(learner).layers[0]
    layer.weight = nn.Parameter(-layer.weight.numpy())


def list_item(learner: Any) -> None:
    network(learner).layers[1] = linear(WIDTH, WIDTH, 90)


def dict_entry(learner: Any) -> None:
    old = network(learner).branches["a"].weight
    network(learner).branches["a"] = linear(WIDTH, old.shape[0], 91)


def whole_model(learner: Any) -> None:
    inputs = network(learner).layers[0].weight.shape[1]
    if hasattr(learner.model, "encoder"):
        learner.model = neural_process(50).model
    else:
        learner.model = Net(inputs, network(learner).head.weight.shape[0], 50)


def appended(learner: Any) -> None:
    network(learner).layers.append(linear(WIDTH, WIDTH, 92))


def resized(learner: Any) -> None:
    layers = network(learner).layers
    inputs = layers[0].weight.shape[1]
    layers[:] = [linear(inputs, WIDTH + 1, 93), linear(WIDTH + 1, WIDTH, 94)]


CHANGES = [parameter, list_item, dict_entry, whole_model, appended, resized]
# What the method has made for each parameter no longer fits.
REFUSED = {
    ("MetaSGD", "appended"): r"MetaSGD: 'rates'.*'layers\.2\.bias'.*there is none",
    ("MetaSGD", "resized"): r"MetaSGD: 'rates'.*\(7,\).*has shape \(6,\).*new learner",
    ("Reptile with Adam", "appended"): r"'moments'.*'layers\.2\.bias'",
    ("Reptile with Adam", "resized"): r"Reptile: 'moments'.*\(7,\)",
    ("MAML++", "appended"): r"'model\.layers\.2\.bias'.*new learner",
}


def evaluated(learner: Any, tasks: Any) -> Any:
    return learner.evaluate(tasks).scores["loss"]


def adapted(learner: Any, tasks: Any) -> Any:
    task = tasks[0]
    found = learner.adapt_to_task(task.support_x, task.support_y)(task.query_x)
    return (found[0] if isinstance(found, tuple) else found).numpy()


def learned(learner: Any, tasks: Any) -> Any:
    return train(learner, tasks, optim.SGD(learner.parameters(), lr=0.1))["loss"]


def train(learner: Any, tasks: Any, optimizer: Any, **more: Any) -> Any:
    return learner.meta_learn(
        tasks, optimizer, tasks_per_batch=2, progress=False, **more
    )


USES = [evaluated, adapted, learned]


# Every change with two methods, and every method with some changes.
CASES = [
    (method, change)
    for method in METHODS
    for change in CHANGES
    if change in (list_item, whole_model)
    or method in ("MAML", "PrototypicalNetworks")
    or (method, change.__name__) in REFUSED
]


@pytest.mark.parametrize(
    ("method", "change"), CASES, ids=lambda x: getattr(x, "__name__", x)
)
def test_each_method_sees_what_was_replaced(method: str, change: Any) -> None:
    make, tasks = METHODS[method]
    used, fresh = make(), make()
    before = [use(used, tasks) for use in USES]
    fresh.load_state_dict(used.state_dict())  # it has made no program
    change(used), change(fresh)
    refused = REFUSED.get((method, change.__name__))
    for use, old in zip(USES, before, strict=True):
        if refused is not None:
            for _ in range(2):
                with pytest.raises(InvalidArgumentError, match=refused):
                    use(used, tasks)
            continue
        found, expected = use(used, tasks), use(fresh, tasks)
        assert np.array_equal(found, expected)
        assert not np.array_equal(found, old)


@pytest.mark.parametrize("method", METHODS)
def test_an_optimizer_of_what_was_removed_is_refused_each_time(method: str) -> None:
    make, tasks = METHODS[method]
    learner = make()
    sgd = optim.SGD(learner.parameters(), lr=0.1)
    train(learner, tasks, sgd)
    removed = network(learner).head
    shape = removed.weight.shape
    network(learner).head = linear(WIDTH, shape[0], 95)
    values = {n: v.numpy().copy() for n, v in learner.state_dict().items()}
    for _ in range(3):
        with pytest.raises(InvalidArgumentError, match=r"head\.weight.*SGD\(learner"):
            train(learner, tasks, sgd)
    assert sgd.steps == 1
    now = learner.state_dict()
    assert all(np.array_equal(now[n].numpy(), v) for n, v in values.items())
    new = optim.SGD(learner.parameters(), lr=0.1)
    train(learner, tasks, new)
    assert not np.array_equal(
        learner.state_dict()[f"model.{_head(learner)}.weight"].numpy(),
        values[f"model.{_head(learner)}.weight"],
    )


def _head(learner: Any) -> str:
    return "encoder.head" if hasattr(learner.model, "encoder") else "head"


class Replaces(Callback):
    def on_epoch_start(self, learner: Any, event: Any) -> None:
        if event.epoch == 2:
            learner.model.head = linear(WIDTH, 1, 96)


def test_a_head_that_a_callback_replaces() -> None:
    learner = METHODS["MAML"][0]()
    sgd = optim.SGD(learner.parameters(), lr=0.1)
    with pytest.raises(InvalidArgumentError, match="none of this MAML's"):
        train(learner, REGRESSION, sgd, epochs=2, callbacks=[Replaces()])
    assert sgd.steps == 1


@pytest.mark.parametrize("kind", [ANIL, BOIL])
def test_a_head_that_is_gone(kind: Any) -> None:
    learner = kind(Net(1, 1), inner_steps=1)
    learner.evaluate(REGRESSION)
    learner.model = nn.Sequential(nn.Linear(1, 4), nn.Linear(4, 1))
    for _ in range(2):
        with pytest.raises(InvalidArgumentError, match=f"{kind.__name__}.*'head'"):
            learner.evaluate(REGRESSION)
    learner.head = "1"
    assert np.isfinite(learner.evaluate(REGRESSION).mean())


def scaled_error(output: Any, target: Any) -> Any:
    return SCALE["value"] * ((output - target) ** 2).mean()


SCALE = {"value": 1.0}


def test_settings_of_a_loss_and_of_a_model() -> None:
    model = Net(1, 1)
    model.factors = [1.0]
    plain = Net.forward

    class Scaled(Net):
        def forward(self, x: Any) -> Any:
            return plain(self, x) * self.factors[0]

    model.__class__ = Scaled
    learner = MAML(model, inner_steps=1, loss=scaled_error)
    first = [use(learner, REGRESSION) for use in USES[:2]]
    SCALE["value"] = 2.0
    doubled = [use(learner, REGRESSION) for use in USES[:2]]
    assert np.allclose(doubled[0][:, 0], 2 * first[0][:, 0])
    assert not np.array_equal(doubled[1], first[1])
    SCALE["value"], model.factors[0] = 1.0, 3.0
    tripled = [use(learner, REGRESSION) for use in USES[:2]]
    model.factors[0] = 1.0
    again = [use(learner, REGRESSION) for use in USES[:2]]
    for one, other, back in zip(first, tripled, again, strict=True):
        assert not np.array_equal(one, other) and np.array_equal(one, back)
