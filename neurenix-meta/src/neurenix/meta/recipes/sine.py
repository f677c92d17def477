"""Recipes for regression on sine waves."""

from __future__ import annotations

from typing import Any

from neurenix import nn, optim
from neurenix.arguments import positive, whole

from ..methods.maml import MAML
from ..methods.neural_process import ConditionalNeuralProcess
from ..models.networks import MLP
from ..tasks.task import generate_regression_tasks
from .recipe import Recipe

TASKS_PER_BATCH = 25
PUBLISHED = {"loss after 1": 0.67, "loss after 5": 0.38, "loss after 10": 0.35}
POOL = (
    "Training draws its tasks from a pool of {pool} fixed ones, shuffled anew in each "
    "epoch; the released code draws new ones for each step."
)


def maml_sine(
    inner_lr: float = 0.01,
    inner_steps: int = 1,
    shots: int = 5,
    *,
    train_shots: int = 10,
    meta_steps: int = 70_000,
    pool: int = 50_000,
    weight_deviation: float | None = 0.01,
    test_tasks: int = 600,
    seed: int = 0,
    **settings: Any,
) -> Recipe:
    """Sine waves by MAML: Finn et al. 2017, section 5.1 and table 2.

    y = A sin(x − φ), A ~ U[0.1, 5], φ ~ U[0, π], x ~ U[−5, 5]; a network 1-40-40-1 with
    ReLU; one inner step in training, 10 support and 10 query examples, 25 tasks a
    meta-step, Adam at 1e-3.

    inner_lr      0.01 in the paper; the released command leaves 0.001
    shots         support examples of the test tasks
    meta_steps    made up to whole epochs of the pool
    pool          training tasks
    weight_deviation   of the truncated normal distribution from which weights are
                  drawn, as in the released code; None: as `nn.Linear` draws them, which
                  does better
    settings      further arguments of `MAML`
    """
    model = MLP([1, 40, 40, 1])
    starts: tuple[str, ...] = ()
    if weight_deviation is None:
        starts = (
            "Weights and biases start as `nn.Linear` draws them, from U(−1/√n, 1/√n) "
            "for n inputs; the released code draws weights from a truncated normal "
            "distribution of deviation 0.01.",
        )
    else:
        start_small(model, positive("maml_sine", "weight_deviation", weight_deviation))
    learner = MAML(model, inner_lr, 1e-3, inner_steps=inner_steps, **settings)
    return Recipe(
        name=f"MAML, sine waves, {shots}-shot",
        source="Finn, Abbeel & Levine 2017, arXiv:1703.03400, section 5.1",
        differences=(
            "The paper says that the inner rate is 0.01; the released command leaves "
            f"it at 0.001. Here it is {inner_lr:g}.",
            *starts,
            POOL.format(pool=pool),
        ),
        learner=learner,
        optimizer=optim.Adam(learner.parameters(), lr=1e-3),
        evaluation_steps=10,
        published=PUBLISHED,
        **_waves(shots, train_shots, meta_steps, pool, test_tasks, seed),
    )


def conditional_neural_process_sine(
    shots: int = 5,
    *,
    train_shots: int = 10,
    meta_steps: int = 70_000,
    pool: int = 50_000,
    test_tasks: int = 600,
    seed: int = 0,
) -> Recipe:
    """Sine waves by a Conditional Neural Process (Garnelo et al. 2018): networks
    2-64-64-64 and 65-64-64-2, Adam at 1e-3."""
    learner = ConditionalNeuralProcess(MLP([2, 64, 64, 64]), MLP([65, 64, 64, 2]))
    return Recipe(
        name=f"Conditional Neural Process, sine waves, {shots}-shot",
        source="Garnelo et al. 2018, arXiv:1807.01613",
        differences=(
            "The paper has no figures for these tasks: they, the batch and the "
            "number of meta-steps are those of MAML's experiment.",
            POOL.format(pool=pool),
        ),
        learner=learner,
        optimizer=optim.Adam(learner.parameters(), lr=1e-3),
        **_waves(shots, train_shots, meta_steps, pool, test_tasks, seed),
    )


def _waves(
    shots: int, train_shots: int, meta_steps: int, pool: int, tests: int, seed: int
) -> dict[str, Any]:
    """The tasks, and epochs through the pool."""
    count = whole("this recipe", "pool", pool, TASKS_PER_BATCH)
    wanted = whole("this recipe", "meta_steps", meta_steps, 1) * TASKS_PER_BATCH
    return {
        "train_tasks": generate_regression_tasks(count, train_shots, seed=2 * seed),
        "test_tasks": generate_regression_tasks(
            tests, shots, num_queries=10, seed=2 * seed + 1
        ),
        "tasks_per_batch": TASKS_PER_BATCH,
        "epochs": -(-wanted // count),
    }


def start_small(model: nn.Module, deviation: float) -> None:
    """Weights from a normal distribution of that deviation, truncated at two of them,
    and biases 0, as the released code has them."""
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        else:
            bound = 2 * deviation
            nn.init.trunc_normal_(parameter, 0.0, deviation, -bound, bound)
