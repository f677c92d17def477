"""Recipes for MAML and its kin on characters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurenix import optim
from neurenix.arguments import whole

from ..methods.anil import ANIL
from ..methods.gradient_based import GradientBased
from ..methods.imaml import IMAML
from ..methods.maml import MAML
from ..methods.maml_plus_plus import MAMLPlusPlus
from ..methods.meta_sgd import MetaSGD
from ..models.batch_norm import layers
from ..models.networks import Conv4
from .characters import SPLIT, Characters, Root, Setting, omniglot, samplers
from .recipe import Recipe

STEPS_PER_EPOCH = 500
# The published settings by ways: inner rate (of the released code's loss), inner steps,
# tasks a meta-step, inner steps in test.
SETTINGS = {5: (0.4, 1, 32, 3), 20: (0.1, 5, 16, 5)}
OTHERS = (0.4, 1, 32, 3)
MAML_PUBLISHED = {(5, 1): 98.7, (5, 5): 99.9, (20, 1): 95.8, (20, 5): 98.9}
FOMAML_PUBLISHED = {(5, 1): 98.3, (5, 5): 99.2, (20, 1): 89.4, (20, 5): 97.9}
META_SGD_PUBLISHED = {(5, 1): 99.53, (5, 5): 99.93, (20, 1): 95.9, (20, 5): 99.0}
MAML_PLUS_PLUS_PUBLISHED = {(5, 1): 99.47, (5, 5): 99.93, (20, 5): 99.33}
ANIL_PUBLISHED = {(20, 1): 96.2, (20, 5): 98.0}
IMAML_PUBLISHED = {(5, 1): 99.5, (5, 5): 99.74, (20, 1): 96.18, (20, 5): 99.14}

ROTATIONS = (
    "The four rotations of a character are four classes, in test too; the released "
    "code draws one for each class of each task, in test too."
)
RATE_FACTOR = (
    "The released code's loss is the number of ways times the mean cross-entropy; here "
    "it is the mean, so that the inner rate is that many times larger: {ways} · "
    "{rate:g} = {product:g}."
)
OWN_SPLIT = (
    "MAML's paper has 1200 training characters, drawn at random; its released code "
    "takes 100 of them to validate."
)
ADAPTED_NORM = (
    "Inner steps adapt batch norm's scales and shifts, too; the released code has "
    "shifts alone, which are meta-learned and not adapted."
)
NETWORK = (
    "Four convolutions of stride 2 with 64 filters, the last map's mean, a linear "
    "layer; batch norm is transductive, in test too."
)
KIN = (
    "Network, rotations, batch and inner rate are those of MAML's recipe: the paper "
    "has others or does not say."
)

FIRST_ORDER_RATE = 0.4
FIRST_ORDER_STEPS = (
    "Three inner steps of 0.4. The paper has no setting of its own for first order; "
    "with second order's, one step of 2.0, first order does not get above 80 % in "
    "10,000 meta-steps: so long a step is far from its gradient."
)

IMPLICIT = (
    "16 inner steps of 0.5 on the regularised loss with λ = 0.1, and a system damped "
    "by 2. The paper says λ = 2; its released code takes steps of 0.1 without the "
    "regulariser, one step of it after them, none in test, and in the system adds 10 "
    "to λ and 1 to the identity. With λ = 2 in the loss and no damping, as in eq. 4 "
    "and lemma 1, accuracy in training is 60 % after 2,000 tasks, with these settings "
    "85 %."
)

Figures = Mapping[tuple[int, int], float]


def maml_omniglot(
    ways: int = 5,
    shots: int = 1,
    *,
    first_order: bool = False,
    seed: int = 0,
    root: Root = None,
    data: Characters | None = None,
    **changes: Any,
) -> Recipe:
    """Characters by MAML, or first-order MAML: Finn et al. 2017, section 5.2.

    28 × 28, ink is 1; four convolutions of stride 2 with 64 filters, batch norm and
    ReLU, the last map's mean, a linear head; as many queries as shots; Adam at 1e-3.
    5-way: one inner step of 0.4 in training and three in test, 32 tasks a meta-step;
    20-way: five of 0.1 in both, 16 tasks. First order takes three steps of 0.4, of the
    mean cross-entropy. Rates are those of the released code's loss,
    which is the number of ways times the mean cross-entropy; the learner's, whose loss
    is the mean, are that many times larger.

    data      what `omniglot()` gave, to read it once for several recipes
    changes   meta_steps (60,000 in the paper), tasks_per_batch, inner_steps,
              evaluation_steps, test_tasks (600), and further arguments of `MAML`;
              `inner_lr`, of the mean cross-entropy, replaces the rate
    """
    if first_order:
        changes = {
            "inner_lr": FIRST_ORDER_RATE,
            "inner_steps": 3,
            "evaluation_steps": 3,
            **changes,
        }
    return _recipe(
        "First-order MAML" if first_order else "MAML",
        "Finn, Abbeel & Levine 2017, arXiv:1703.03400, section 5.2",
        MAML,
        FOMAML_PUBLISHED if first_order else MAML_PUBLISHED,
        (FIRST_ORDER_STEPS,) if first_order else (),
        (ways, shots, seed, root, data),
        {"first_order": first_order, **changes},
    )


def anil_omniglot(
    ways: int = 5,
    shots: int = 1,
    *,
    seed: int = 0,
    root: Root = None,
    data: Characters | None = None,
    **changes: Any,
) -> Recipe:
    """Characters by ANIL (Raghu et al. 2020): MAML's recipe, whose inner steps change
    the head alone. Arguments are those of `maml_omniglot`."""
    return _recipe(
        "ANIL",
        "Raghu et al. 2020, arXiv:1909.09157",
        ANIL,
        ANIL_PUBLISHED,
        (KIN,),
        (ways, shots, seed, root, data),
        changes,
    )


def meta_sgd_omniglot(
    ways: int = 5,
    shots: int = 1,
    *,
    seed: int = 0,
    root: Root = None,
    data: Characters | None = None,
    **changes: Any,
) -> Recipe:
    """Characters by Meta-SGD (Li et al. 2017): MAML's recipe with learned rates, one
    inner step in training and in test. Arguments are those of `maml_omniglot`."""
    return _recipe(
        "Meta-SGD",
        "Li et al. 2017, arXiv:1707.09835",
        MetaSGD,
        META_SGD_PUBLISHED,
        (
            KIN,
            "Every rate starts at MAML's (the paper: at random from 0.005 to 0.1).",
        ),
        (ways, shots, seed, root, data),
        {"inner_steps": 1, "evaluation_steps": 1, **changes},
    )


def maml_plus_plus_omniglot(
    ways: int = 5,
    shots: int = 1,
    *,
    seed: int = 0,
    root: Root = None,
    data: Characters | None = None,
    **changes: Any,
) -> Recipe:
    """Characters by MAML++ (Antoniou et al. 2019): five inner steps with learned rates
    that start at 0.1, transductive batch norm with scales of each step, the loss after
    each step, 8 tasks a meta-step, half a cosine from 1e-3 to 1e-5. Arguments are those
    of `maml_omniglot`.
    """
    return _recipe(
        "MAML++",
        "Antoniou, Edwards & Storkey 2019, arXiv:1810.09502",
        MAMLPlusPlus,
        MAML_PLUS_PLUS_PUBLISHED,
        (
            "Network and rotations are those of MAML's recipe.",
            "Derivatives are of second order from the first epoch on (the paper: of "
            "first order for 50 epochs).",
            "Batch norm takes the batch's statistics, in test too, as the authors' "
            "code does (the paper: running ones of each step); scales and shifts are "
            "of each step.",
        ),
        (ways, shots, seed, root, data),
        {
            "inner_lr": 0.1,
            "inner_steps": 5,
            "evaluation_steps": 5,
            "tasks_per_batch": 8,
            "batch_norm": "per_step_transductive",
            **changes,
        },
        cosine_to=1e-5,
    )


def imaml_omniglot(
    ways: int = 5,
    shots: int = 1,
    *,
    seed: int = 0,
    root: Root = None,
    data: Characters | None = None,
    **changes: Any,
) -> Recipe:
    """Characters by iMAML (Rajeswaran et al. 2019): 16 inner steps of 0.5 with λ = 0.1,
    five iterations of conjugate gradient, damped by 2, 16 tasks a meta-step. Arguments
    are those of `maml_omniglot`."""
    return _recipe(
        "iMAML",
        "Rajeswaran et al. 2019, arXiv:1909.04630, section 4",
        IMAML,
        IMAML_PUBLISHED,
        ("Network, rotations and batch norm are those of MAML's recipe.", IMPLICIT),
        (ways, shots, seed, root, data),
        {
            "inner_lr": 0.5,
            "inner_steps": 16,
            "evaluation_steps": 16,
            "tasks_per_batch": 16,
            "regularization": 0.1,
            "solver_steps": 5,
            "damping": 2.0,
            **changes,
        },
    )


def _recipe(
    name: str,
    source: str,
    method: type[GradientBased],
    published: Figures,
    differences: tuple[str, ...],
    task: tuple[int, int, int, Root, Characters | None],
    changes: dict[str, Any],
    cosine_to: float | None = None,
) -> Recipe:
    ways, shots, seed, root, data = task
    rate, steps, batch, test_steps = SETTINGS.get(ways, OTHERS)
    rest = dict(changes)
    meta_steps = whole("this recipe", "meta_steps", rest.pop("meta_steps", 60_000), 1)
    evaluation_steps = rest.pop("evaluation_steps", test_steps)
    tasks_per_batch = rest.pop("tasks_per_batch", batch)
    tests = rest.pop("test_tasks", 600)
    arguments = {
        "inner_lr": ways * rate,
        "inner_steps": steps,
        "batch_norm": "transductive",
        **rest,
    }
    model = Conv4(ways=ways, downsampling="stride")
    learner = method(model, **arguments)
    optimizer = optim.Adam(learner.parameters(), lr=1e-3)
    epochs = max(1, meta_steps // STEPS_PER_EPOCH)
    schedule = None
    if cosine_to is not None:
        schedule = optim.CosineAnnealingLR(optimizer, epochs, cosine_to)
    notes = [SPLIT, OWN_SPLIT, ROTATIONS, NETWORK]
    norms = {id(p) for layer in layers(model) for p in layer.parameters()}
    if any(learner.adapts(n) for n, p in learner.named_parameters() if id(p) in norms):
        notes.append(ADAPTED_NORM)
    if "inner_lr" not in changes:
        notes.append(RATE_FACTOR.format(ways=ways, rate=rate, product=ways * rate))
    figure = published.get((ways, shots))
    setting = Setting(ways, shots, shots)
    return Recipe(
        name=f"{name}, Omniglot, {ways}-way {shots}-shot",
        source=source,
        differences=(*notes, *differences),
        learner=learner,
        optimizer=optimizer,
        schedule=schedule,
        epochs=epochs,
        steps_per_epoch=min(STEPS_PER_EPOCH, meta_steps),
        tasks_per_batch=tasks_per_batch,
        evaluation_steps=evaluation_steps,
        published={"accuracy": figure} if figure else {},
        **samplers(
            omniglot(root) if data is None else data, setting, setting, tests, seed
        ),
    )
