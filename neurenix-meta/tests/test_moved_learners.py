"""Learners that live on another device than the current one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from methods import METHODS, make, tasks

import neurenix as nx
from neurenix import meta, nn, optim
from neurenix.errors import DeviceError, InvalidArgumentError

pytestmark = pytest.mark.skipif(
    not nx.get_device_count("cpu"), reason="there is no other device"
)
PAIRS = [("cpu", "reference"), ("reference", "cpu:0")]


def results(learner: meta.MetaLearner, name: str) -> dict[str, Any]:
    history = learner.meta_learn(
        tasks(name), epochs=2, progress=False, validation=tasks(name, 2)
    )
    task = tasks(name)[1]
    adapted = learner.adapt_to_task(task.support_x, task.support_y)
    home = next(iter(learner.parameters())).device
    for module in (adapted, learner):
        assert {p.device for p in module.named_cells().values()} == {home}
    outputs = [adapted(x) for x in (task.query_x, task.query_x.numpy())]
    first, second = (o[0] if isinstance(o, tuple) else o for o in outputs)
    assert first.device is second.device is home
    assert np.array_equal(first.numpy(), second.numpy())
    return {
        "loss": history["loss"],
        "validation": history["validation_loss"],
        "evaluation": learner.evaluate(tasks(name)).curve("loss"),
        "adapted": first.numpy(),
    }


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(("current", "other"), PAIRS)
def test_every_method(name: str, current: str, other: str) -> None:
    nx.init({"device": other})
    there = results(make(name), name)
    nx.init({"device": current})
    learner = make(name).to(other)
    moved = results(learner, name)
    assert str(nx.current_device()) == str(nx.Device(nx.DeviceType(current)))
    for what, value in there.items():
        assert np.allclose(moved[what], value, rtol=1e-5, atol=1e-6), what


@pytest.mark.parametrize("compile", [True, False])
def test_an_optimizer_from_before_is_refused(compile: bool) -> None:
    learner = make("MAML")
    optimizer = optim.SGD(learner.parameters(), lr=0.1)
    learner.to("reference" if str(nx.current_device()) != "reference:0" else "cpu")
    with pytest.raises(InvalidArgumentError, match=r"the optimizer after model\.to"):
        learner.meta_learn(tasks("MAML"), optimizer, progress=False, compile=compile)


@pytest.mark.parametrize(("current", "other"), PAIRS)
def test_with_dropout_and_a_data_set(current: str, other: str) -> None:
    def learned(move: bool) -> Any:
        nx.manual_seed(3)
        layers = [nn.Flatten(), nn.Linear(784, 8), nn.Dropout(0.5), nn.Linear(8, 4)]
        model = nn.Sequential(layers)
        learner = meta.PrototypicalNetworks(model.to(other) if move else model)
        sampler = meta.TaskSampler(
            meta.datasets.Glyphs(classes=6), ways=3, shots=1, queries=2, seed=0
        )
        optimizer, losses = optim.Adam(learner.parameters()), []
        for _ in range(3):
            history = learner.meta_learn(
                sampler, optimizer, steps_per_epoch=3, progress=False
            )
            losses += history["loss"]
            assert nx.rand(2).device == nx.current_device()  # goes on there
        programs = learner._programs.values()
        assert all(p.stats().misses == 1 for p in programs)
        return losses

    nx.init({"device": other})
    there = learned(move=False)
    nx.init({"device": current})
    assert np.allclose(learned(move=True), there, rtol=1e-5)


def test_half_of_it_moved_is_an_error() -> None:
    nx.init({"device": "cpu"})
    learner = make("MetaSGD")
    learner.model.to("reference")
    with pytest.raises(DeviceError, match=r"rates\.0\.weight on cpu:0 and model\.0"):
        learner.evaluate(tasks("MetaSGD"))
