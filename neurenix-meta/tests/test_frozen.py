"""Frozen parameters in every method: used, and never changed by anything."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from methods import EMBEDDING, GRADIENT, METHODS, make, tasks

import neurenix as nx
from neurenix import meta, nn, optim
from neurenix.errors import InvalidArgumentError

pytestmark = pytest.mark.usefixtures("compiled_device")
each_method = pytest.mark.parametrize("name", METHODS)


def values(module: nn.Module) -> dict[str, Any]:
    return {n: np.array(p.numpy()) for n, p in module.named_parameters()}


def first_layer(learner: meta.MetaLearner) -> nn.Module:
    found: Any = next(m for m in learner.model.modules() if isinstance(m, nn.Linear))
    return found


def learned(learner: meta.MetaLearner, name: str, **more: Any) -> Any:
    return learner.meta_learn(tasks(name), epochs=2, progress=False, **more)


def adapted(learner: meta.MetaLearner, name: str) -> nn.Module:
    task = tasks(name)[0]
    return learner.adapt_to_task(task.support_x, task.support_y)


@each_method
def test_a_layer_that_is_frozen_and_learned_again(name: str) -> None:
    learner = make(name)
    evaluated = learner.evaluate(tasks(name))
    learned(learner, name)  # and now that all programs are there:
    layer = first_layer(learner).requires_grad_(False)
    frozen = {n for n, p in learner.named_parameters() if not p.requires_grad}
    assert frozen
    before = values(learner)
    learned(learner, name)
    after = values(learner)
    rest = before.keys() - frozen
    assert all((after[n] == before[n]).all() for n in frozen)
    assert any((after[n] != before[n]).any() for n in rest)
    model = adapted(learner, name)
    inner = model.learner.model if name in EMBEDDING else model
    kept = [p for p in inner.parameters() if not p.requires_grad]
    assert len(kept) == len(list(layer.parameters()))
    assert sum(
        any(p.shape == q.shape and (p.numpy() == q.numpy()).all() for q in kept)
        for p in layer.parameters()
    ) == len(kept)
    assert np.isfinite(learner.evaluate(tasks(name)).mean())
    assert all((values(learner)[n] == after[n]).all() for n in after)
    layer.requires_grad_(True)
    learned(learner, name)
    assert all(
        (values(learner)[n] != after[n]).any() for n in frozen if n.endswith("weight")
    )
    assert learner.evaluate(tasks(name)).steps == evaluated.steps


@each_method
def test_frozen_before_it_is_made(name: str) -> None:
    """And learned later: per-parameter rates and moments are there."""

    class Frozen(nn.Linear):
        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **settings)
            self.requires_grad_(False)

    plain = nn.Linear
    nn.Linear = Frozen  # type: ignore[misc]
    try:
        learner = make(name)
    finally:
        nn.Linear = plain  # type: ignore[misc]
    learner.requires_grad_(True)
    before = values(learner)
    learned(learner, name)
    changed = [n for n, v in values(learner).items() if (v != before[n]).any()]
    assert any(n.startswith("model.") for n in changed)


@each_method
def test_frozen_is_as_if_it_were_a_constant(name: str) -> None:
    """The rest learns as it does beside a layer whose numbers are no parameters."""

    class Fixed(nn.Module):
        def __init__(self, layer: Any) -> None:
            super().__init__()
            self.weight = nn.Buffer(layer.weight.value(), reduction="discard")
            self.bias = nn.Buffer(layer.bias.value(), reduction="discard")

        def forward(self, x: nx.Tensor) -> nx.Tensor:
            return nn.functional.linear(x, self.weight, self.bias)

    both = []
    for fixed in (False, True):
        learner = make(name)
        layer = first_layer(learner)
        if not fixed:
            layer.requires_grad_(False)
        else:
            owner: Any = next(
                m for m in learner.model.modules() if layer in m.children()
            )
            setattr(owner, "0", Fixed(layer))
            for held in ("rates", "moments"):  # of what is no parameter any more
                table = getattr(learner, held, None)
                if isinstance(table, dict):
                    for key in [k for k in table if k.split(".")[0] == "0"]:
                        del table[key]
        history = learned(learner, name)
        scores = learner.evaluate(tasks(name))
        both.append((history["loss"], scores.curve("loss")))
    assert np.allclose(both[0][0], both[1][0], rtol=1e-4)
    assert np.allclose(both[0][1], both[1][1], rtol=1e-4)


@each_method
def test_all_frozen(name: str) -> None:
    learner = make(name).requires_grad_(False)
    before = values(learner)
    with pytest.raises(InvalidArgumentError, match=r"nothing to (learn|adapt)"):
        learned(learner, name)
    if name in GRADIENT and name != "ProtoMAML":
        with pytest.raises(InvalidArgumentError, match="nothing to adapt"):
            adapted(learner, name)
        with pytest.raises(InvalidArgumentError, match="nothing to adapt"):
            learner.evaluate(tasks(name))
    else:
        adapted(learner, name)
        assert np.isfinite(learner.evaluate(tasks(name)).mean())
    assert all((values(learner)[n] == v).all() for n, v in before.items())


@pytest.mark.parametrize(("name", "frozen"), [("ANIL", "4"), ("BOIL", "02")])
def test_what_inner_steps_change_is_frozen(name: str, frozen: str) -> None:
    learner = make(name)
    for path in frozen:
        dict(learner.model.named_modules())[path].requires_grad_(False)
    start = f"model.{frozen[0]}.weight, model.{frozen[0]}.bias"
    text = f"{name}: there is nothing to adapt: its inner steps change {start}"
    with pytest.raises(InvalidArgumentError, match=re.escape(text)):
        learned(learner, name)


@pytest.mark.parametrize("name", ["MetaSGD", "MAMLPlusPlus"])
def test_rates_can_be_frozen(name: str) -> None:
    learner: Any = make(name)
    for rate in learner.rates.values():
        rate.requires_grad = False
    before = values(learner)
    learned(learner, name)
    for n, v in values(learner).items():
        assert (v != before[n]).any() == n.startswith("model.")


def test_scales_for_each_step_keep_that_they_are_frozen() -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
    model[1].requires_grad_(False)
    learner = meta.MAMLPlusPlus(model, 0.1, inner_steps=2)
    assert not any(p.requires_grad for p in model[1].parameters())
    learned(learner, "MAML")
    assert not any(p.requires_grad for p in adapted(learner, "MAML")[1].parameters())


def test_groups_of_parameters() -> None:
    """A body that goes at a hundredth of the head's rate, and a schedule of both."""
    learner = make("MAML")
    body, head = learner.model[0], learner.model[4]
    optimizer = optim.SGD(
        [{"params": body.parameters(), "lr": 0.0}, {"params": head.parameters()}],
        lr=0.1,
    )
    schedule = optim.StepLR(optimizer, 1, 0.5)
    before = values(learner)
    learned(learner, "MAML", meta_optimizer=optimizer, schedule=schedule)
    for n, v in values(learner).items():
        assert (v == before[n]).all() == (not n.startswith("model.4."))
    assert [g["lr"] for g in optimizer.param_groups] == [0.0, 0.025]


def test_a_run_goes_on_with_what_was_frozen(tmp_path: Any) -> None:
    def run(epochs: int, folder: str, layers: tuple[int, ...], **group: Any) -> Any:
        learner = make("MAML")
        for i in layers:
            learner.model[i].requires_grad_(False)
        optimizer = optim.Adam(
            [
                {"params": learner.model[0].parameters(), **group},
                {"params": learner.model[2].parameters()},
            ],
            lr=0.01,
        )
        learner.meta_learn(
            tasks("MAML"),
            optimizer,
            epochs,
            2,
            progress=False,
            checkpoint=tmp_path / folder,
        )
        return values(learner)

    whole = run(4, "whole", (0,), betas=(0.5, 0.9))
    run(2, "parts", (0,), betas=(0.5, 0.9))
    again = run(4, "parts", (0,), betas=(0.5, 0.9))
    assert all((again[n] == whole[n]).all() for n in whole)
    with pytest.raises(InvalidArgumentError, match="requires_grad=False saved, True"):
        run(4, "parts", (), betas=(0.5, 0.9))
    with pytest.raises(InvalidArgumentError, match="optimizer: given="):
        run(4, "parts", (0,))


class LearnsLater(meta.Callback):
    """Unfreezes the first layer before the second epoch."""

    def on_epoch_start(self, learner: meta.MetaLearner, event: meta.Event) -> None:
        if event.epoch == 2:
            learner.model[0].requires_grad_(True)


def test_a_run_that_unfreezes_goes_on(tmp_path: Any) -> None:
    def run(epochs: int, folder: str) -> Any:
        learner = make("MAML")
        learner.model[0].requires_grad_(False)
        learner.meta_learn(
            tasks("MAML"),
            epochs=epochs,
            progress=False,
            callbacks=[LearnsLater()],
            checkpoint=tmp_path / folder,
        )
        return values(learner)

    whole, first = run(4, "whole"), run(1, "parts")
    assert (first["model.0.weight"] == values(make("MAML"))["model.0.weight"]).all()
    run(3, "parts")
    again = run(4, "parts")  # begins after the second epoch
    assert (again["model.0.weight"] != first["model.0.weight"]).any()
    assert all((again[n] == whole[n]).all() for n in whole)
