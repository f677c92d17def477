"""The recipe for Reptile on characters."""

from __future__ import annotations

from neurenix import nn, optim
from neurenix.arguments import whole

from ..methods.reptile import Reptile
from ..models.networks import Conv4
from .characters import SPLIT, Characters, Root, Setting, omniglot, samplers
from .recipe import Recipe

TRAIN_SHOTS = 10
TASKS_PER_BATCH = 5
EPOCHS = 50
# By ways: Adam's rate, batch and steps in training; both in test; meta-steps.
SETTINGS = {5: (1e-3, 10, 5, 5, 50, 100_000), 20: (5e-4, 20, 10, 10, 50, 200_000)}
# With transduction, as here: all queries in one batch.
PUBLISHED = {(5, 1): 97.68, (5, 5): 99.48, (20, 1): 89.43, (20, 5): 97.12}


def reptile_omniglot(
    ways: int = 5,
    shots: int = 1,
    *,
    meta_steps: int | None = None,
    test_tasks: int = 600,
    seed: int = 0,
    root: Root = None,
    data: Characters | None = None,
) -> Recipe:
    """Characters by Reptile: Nichol et al. 2018, section 6.1 and the authors' code.

    Four convolutions of stride 2 with 64 filters, flattened, a linear layer; the inner
    optimizer is Adam with β₁ = 0; training tasks have 10 shots whatever the test's; 5
    tasks a meta-step; the outer step goes from 1 to 0 in a straight line. 5-way: rate
    1e-3, 5 inner steps on 10 examples each, in test 50 on 5. One query of a class in
    test.

    meta_steps   100,000 for 5-way, 200,000 for 20-way in the paper
    data         what `omniglot()` gave, to read it once for several recipes
    """
    setting = SETTINGS.get(ways, SETTINGS[5])
    rate, batch, steps, test_batch, test_steps, published_steps = setting
    if meta_steps is None:
        meta_steps = published_steps
    count = whole("reptile_omniglot", "meta_steps", meta_steps, 1)
    network = Conv4(downsampling="stride", batch_norm="transductive")
    # 28 × 28 becomes 2 × 2, of 64 filters
    model = nn.Sequential(network, nn.Linear(4 * 64, ways))
    learner = Reptile(
        model,
        inner_lr=rate,
        inner_steps=steps,
        inner_optimizer="adam",
        inner_batch=batch,
    )
    optimizer = optim.SGD(learner.parameters(), lr=1.0)
    epochs = min(EPOCHS, count)
    figure = PUBLISHED.get((ways, shots))
    return Recipe(
        name=f"Reptile, Omniglot, {ways}-way {shots}-shot",
        source="Nichol, Achiam & Schulman 2018, arXiv:1803.02999, section 6.1",
        differences=(
            SPLIT,
            "The paper has 1200 training characters.",
            "Rates, batches and iterations are those of the paper's table. Its authors "
            "give other commands, too, for 5-way 1-shot with transduction 3 inner "
            "steps on 25 examples, 15 shots and 10 tasks a meta-step.",
            "Test characters are not rotated; those of training are, as classes of "
            "their own; both as in the authors' code.",
            "Ink is 1 (the authors' code does not invert the drawings).",
            f"The {TASKS_PER_BATCH} tasks of a meta-step start from the same second "
            "moments, whose mean is kept (the authors' code takes one after the "
            "other).",
            "Batches of an inner loop take turns through the support set (the authors' "
            "code shuffles it).",
            f"In test an inner step takes {batch} examples, as in training (the "
            f"authors' code: {test_batch}).",
            "Batch norm is transductive: all queries of a task in one batch.",
            f"The outer step is lowered after each of {epochs} epochs.",
        ),
        learner=learner,
        optimizer=optimizer,
        schedule=optim.LinearLR(optimizer, 1.0, 0.0, total_iters=epochs),
        epochs=epochs,
        steps_per_epoch=max(1, count // epochs),
        tasks_per_batch=TASKS_PER_BATCH,
        evaluation_steps=test_steps,
        published={"accuracy": figure} if figure else {},
        **samplers(
            omniglot(root, rotated=("train",)) if data is None else data,
            Setting(ways, TRAIN_SHOTS, 1),
            Setting(ways, shots, 1),
            test_tasks,
            seed,
        ),
    )
