"""Keywords that other libraries have: an error says how ours are called."""

from __future__ import annotations

import re
from typing import Any

import pytest
from methods import tasks

from neurenix import meta, nn, optim
from neurenix.errors import CallError
from neurenix.meta import MAML, MLP, PrototypicalNetworks
from neurenix.meta.distributed import RayStrategy

pytestmark = pytest.mark.usefixtures("compiled_device")
TASKS = tasks("MAML")
ONE = TASKS[0]


def network() -> nn.Module:
    return MLP([6, 4, 3])


def learned(**more: Any) -> Any:
    return MAML(network()).meta_learn(TASKS, progress=False, **more)


KEYWORDS: list[tuple[Any, str, list[str]]] = [
    (lambda **k: MAML(network(), **k), "lr", ["inner_lr", "meta_lr"]),
    (lambda **k: MAML(network(), **k), "alpha", ["inner_lr"]),
    (lambda **k: MAML(network(), **k), "outer_lr", ["meta_lr"]),
    (lambda **k: MAML(network(), **k), "num_inner_steps", ["inner_steps"]),
    (lambda **k: MAML(network(), **k), "adaptation_steps", ["inner_steps"]),
    (lambda **k: MAML(network(), **k), "inner_step", ["inner_steps"]),
    (lambda **k: MAML(network(), **k), "loss_fn", ["loss"]),
    (lambda **k: MAML(**k), "network", ["model"]),
    (lambda **k: meta.ANIL(network(), **k), "num_steps", ["inner_steps"]),
    (lambda **k: meta.IMAML(network(), **k), "lam", ["regularization"]),
    (lambda **k: PrototypicalNetworks(network(), **k), "metric", ["distance_metric"]),
    (lambda **k: PrototypicalNetworks(**k), "encoder", ["embedding_model"]),
    (lambda **k: learned(**k), "num_epochs", ["epochs"]),
    (lambda **k: learned(**k), "batch_size", ["tasks_per_batch"]),
    (lambda **k: learned(**k), "optimizer", ["meta_optimizer"]),
    (lambda **k: learned(**k), "lr_scheduler", ["schedule"]),
    (lambda **k: MAML(network()).evaluate(TASKS, **k), "num_steps", ["steps"]),
    (lambda **k: MAML(network()).adapt_to_task(*ONE[:2], **k), "n_steps", ["steps"]),
    (lambda **k: MAML(network()).adapt_to_task(**k), "x", ["support_x"]),
    (lambda **k: meta.TaskSampler(None, **k), "n_way", ["ways"]),  # type: ignore[arg-type]
    (lambda **k: meta.TaskSampler(None, **k), "num_ways", ["ways"]),  # type: ignore[arg-type]
    (lambda **k: meta.TaskSampler(None, **k), "k_shot", ["shots"]),  # type: ignore[arg-type]
    (lambda **k: meta.TaskSampler(None, **k), "num_query", ["queries"]),  # type: ignore[arg-type]
    (lambda **k: meta.TaskSampler(None, **k), "transform", ["augment"]),  # type: ignore[arg-type]
    (lambda **k: meta.Classifier(len, **k), "treshold", ["threshold"]),
    (lambda **k: meta.Classifier(len, **k), "transforms", ["preprocess"]),
    (lambda **k: meta.Classifier(**k), "backbone", ["embedding"]),
    (lambda **k: meta.generate_classification_tasks(2, **k), "n_way", ["num_classes"]),
    (
        lambda **k: meta.generate_classification_tasks(2, **k),
        "k_shot",
        ["num_samples_per_class"],
    ),
    (
        lambda **k: meta.generate_regression_tasks(2, **k),
        "shots",
        ["num_samples_per_task"],
    ),
    (lambda **k: meta.generate_harmonic_tasks(2, 5, **k), "random_state", ["seed"]),
    (lambda **k: meta.Conv4(**k), "num_classes", ["ways"]),
    (lambda **k: RayStrategy(**k), "wrokers", ["workers"]),
    (lambda **k: RayStrategy(**k), "num_workers", ["workers"]),
    (lambda **k: meta.Augmentation(**k), "flipp", ["flip"]),
    (lambda **k: optim.Adam(network().parameters(), **k), "learning_rate", ["lr"]),
    (lambda **k: nn.Linear(1, 1, **k), "use_bias", ["bias"]),
]


@pytest.mark.parametrize(
    ("call", "name", "meant"), KEYWORDS, ids=[f"{n}={m}" for _, n, m in KEYWORDS]
)
def test_keywords_of_other_libraries(call: Any, name: str, meant: list[str]) -> None:
    said = " or ".join(map(repr, meant))
    text = f": there is no argument {name!r}; did you mean {said}?"
    with pytest.raises(CallError, match=re.escape(text)) as caught:
        call(**{name: 1})
    assert isinstance(caught.value, TypeError)  # as Python's own would be
    listed = str(caught.value).split("? It has ")[1].split(", ")
    assert set(meant) <= set(listed)


def test_a_subclass_that_takes_its_own_keywords() -> None:
    class Own(MAML):
        def __init__(self, model: nn.Module, **options: Any) -> None:
            self_made = options.pop("mine")
            super().__init__(model, **options)
            self.mine = self_made

    assert Own(network(), mine=3, inner_lr=0.5).mine == 3
