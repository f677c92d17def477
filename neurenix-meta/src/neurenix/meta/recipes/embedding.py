"""Recipes for classifiers on an embedding: Prototypical Networks and R2D2."""

from __future__ import annotations

from typing import Any

from neurenix import optim
from neurenix.arguments import whole
from neurenix.errors import InvalidArgumentError

from ..methods.embedding_based import EmbeddingBased
from ..methods.prototypical import PrototypicalNetworks
from ..methods.r2d2 import R2D2
from ..models.networks import Conv4
from .characters import SPLIT, Characters, Root, Setting, omniglot, samplers
from .recipe import Recipe

DECAYS = ("halved", "cosine", "none")
HALVED_EVERY = 2000
EPOCHS = 20
TEST_QUERIES = 15
PUBLISHED = {(5, 1): 98.8, (5, 5): 99.7, (20, 1): 96.0, (20, 5): 98.9}


def prototypical_networks_omniglot(
    ways: int = 5,
    shots: int = 1,
    *,
    train_ways: int = 60,
    train_queries: int = 5,
    meta_steps: int = 20_000,
    decay: str = "halved",
    test_tasks: int = 1000,
    seed: int = 0,
    root: Root = None,
    data: Characters | None = None,
) -> Recipe:
    """Characters by Prototypical Networks: Snell et al. 2017, section 3.1.

    Four blocks of 64 filters, squared Euclidean distance, 60-way episodes of 5 queries
    with as many shots as in test, Adam at 1e-3 that is halved every 2000 episodes. Test
    tasks have 15 queries of a class; batch norm uses running statistics, so that
    nothing is transductive.

    ways, shots   of the validation and test tasks; shots of the training episodes, too
    meta_steps    episodes; the paper gives no number
    decay         of the learning rate: "halved" every 2000 episodes, along half a
                  "cosine" to 0 (better for short training), or "none"
    data          what `omniglot()` gave, to read it once for several recipes
    """
    learner = PrototypicalNetworks(Conv4())
    figure = PUBLISHED.get((ways, shots))
    changed: tuple[str, ...] = () if decay == "halved" else (_decay_changed(decay),)
    if (train_ways, train_queries) != (60, 5):
        changed += (
            f"Training episodes have {train_ways} ways and {train_queries} queries "
            "(the paper: 60 and 5).",
        )
    return Recipe(
        name=f"Prototypical Networks, Omniglot, {ways}-way {shots}-shot",
        source="Snell, Swersky & Zemel 2017, arXiv:1703.05175, section 3.1",
        differences=(
            SPLIT,
            "Weights are selected on the validation classes; the paper then trains on "
            "these, too.",
            *changed,
        ),
        learner=learner,
        published={"accuracy": figure} if figure else {},
        **_on_characters(
            learner,
            omniglot(root) if data is None else data,
            Setting(train_ways, shots, train_queries),
            Setting(ways, shots, TEST_QUERIES),
            test_tasks,
            seed,
            meta_steps,
            decay,
        ),
    )


def r2d2_omniglot(
    ways: int = 5,
    shots: int = 1,
    *,
    train_queries: int = 5,
    meta_steps: int = 20_000,
    tasks_per_batch: int = 4,
    decay: str = "cosine",
    test_tasks: int = 600,
    seed: int = 0,
    root: Root = None,
    data: Characters | None = None,
) -> Recipe:
    """Characters by ridge regression on an embedding: Bertinetto et al. 2019.

    Arguments are those of `prototypical_networks_omniglot`; training tasks have as many
    ways as test tasks.
    """
    learner = R2D2(Conv4())
    return Recipe(
        name=f"R2D2, Omniglot, {ways}-way {shots}-shot",
        source="Bertinetto et al. 2019, arXiv:1805.08136",
        differences=(
            SPLIT,
            "The network is Conv-4 with 64 filters (the paper: four blocks of 96, 192, "
            "384 and 512), as of Prototypical Networks.",
            f"Tasks have {ways} ways and {shots} shots in training, too (the paper "
            "draws them anew for each; a script of the authors' for 64 filters has 60 "
            "ways), and the scale starts at 1 (that script: 10).",
        ),
        learner=learner,
        **_on_characters(
            learner,
            omniglot(root) if data is None else data,
            Setting(ways, shots, train_queries),
            Setting(ways, shots, TEST_QUERIES),
            test_tasks,
            seed,
            meta_steps,
            decay,
            tasks_per_batch,
        ),
    )


def _on_characters(
    learner: EmbeddingBased,
    data: Characters,
    train: Setting,
    test: Setting,
    test_tasks: int,
    seed: int,
    meta_steps: int,
    decay: str,
    tasks_per_batch: int = 1,
) -> dict[str, Any]:
    if decay not in DECAYS:
        raise InvalidArgumentError(
            f"decay={decay!r}; expected {', '.join(map(repr, DECAYS))}"
        )
    steps = whole("this recipe", "meta_steps", meta_steps, 1)
    optimizer = optim.Adam(learner.parameters(), lr=1e-3)
    epochs = min(EPOCHS, steps)
    schedule: optim.Schedule | None = None
    if decay == "halved":
        # epochs that the halving meets
        epochs = max(1, round(steps / (HALVED_EVERY / 4)))
        schedule = optim.StepLR(optimizer, step_size=4, gamma=0.5)
    elif decay == "cosine":
        schedule = optim.CosineAnnealingLR(optimizer, epochs)
    return {
        "optimizer": optimizer,
        "schedule": schedule,
        "epochs": epochs,
        "steps_per_epoch": max(1, steps // epochs),
        "tasks_per_batch": tasks_per_batch,
        **samplers(data, train, test, test_tasks, seed),
    }


def _decay_changed(decay: str) -> str:
    said = "stays" if decay == "none" else f"goes down along half a {decay} to 0"
    return f"The learning rate {said} (the paper halves it every 2000 episodes)."
