"""What papers and their authors' code published, against what the recipes build.

The figures are written out here, and not taken from the recipes: Finn et al. 2017
(MAML), Nichol et al. 2018 (Reptile, with the first-order figures that it quotes), Snell
et al. 2017 (Prototypical Networks). Where a recipe does otherwise, its `differences`
must say so.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.meta import MAML, PrototypicalNetworks, Reptile, recipes
from neurenix.meta.datasets import ClassDataset
from neurenix.meta.methods.gradient_based import InnerStep
from neurenix.meta.recipes import characters
from neurenix.meta.recipes.glyphs import CLASSES

SPLITS = ("train", "validation", "test")
# Epochs through 2,500 waves are whole: 70,000 · 25 / 2,500 = 700.
POOL = 2500


def classes(count):
    names = [f"class-{number}" for number in range(count)]
    images = np.zeros((count * 20, 1, 28, 28), np.uint8)
    return ClassDataset("blank", names, images, [20] * count)


@pytest.fixture(scope="module")
def data():
    """Blank drawings: nothing is trained here."""
    return {split: classes(60) for split in SPLITS}


@pytest.fixture(scope="module")
def sine():
    nx.manual_seed(0)
    return recipes.maml_sine(pool=POOL)


def layers(recipe, kind):
    return [m for m in recipe.learner.model.modules() if isinstance(m, kind)]


def meta_steps(recipe):
    per_epoch = recipe.steps_per_epoch
    if per_epoch is None:
        per_epoch = len(recipe.train_tasks) / recipe.tasks_per_batch
    return recipe.epochs * per_epoch


def setting(tasks):
    return tasks.ways, tasks.shots, tasks.queries


def rates(recipe):
    """The outer rate of each epoch, and after the last."""
    return [recipe.schedule.value(epoch) for epoch in range(recipe.epochs + 1)]


def said(recipe, *words):
    """Whether one of the differences has all of these words."""
    return any(all(word in text for word in words) for text in recipe.differences)


def is_adam(optimizer, lr):
    return (
        type(optimizer) is optim.Adam
        and optimizer.lr == pytest.approx(lr, rel=1e-6)
        and optimizer.betas == (0.9, 0.999)
        and optimizer.weight_decay == 0
    )


def has_strided_blocks(recipe):
    """Four convolutions 3 × 3 of stride 2 with 64 filters, batch norm, ReLU."""
    for convolution in layers(recipe, nn.Conv2d):
        assert convolution.kernel_size == (3, 3)
        assert convolution.stride == (2, 2)
        assert convolution.padding == (1, 1)
        assert convolution.out_channels == 64
    kinds = (nn.Conv2d, nn.BatchNorm2d, nn.ReLU)
    assert [len(layers(recipe, kind)) for kind in kinds] == [4, 4, 4]
    assert not layers(recipe, nn.MaxPool2d)


# ---- MAML on Omniglot ----


@pytest.mark.parametrize("shots", [1, 5])
@pytest.mark.parametrize(
    ("ways", "steps", "tasks", "test_steps", "published_rate"),
    [(5, 1, 32, 3, "0.4"), (20, 5, 16, 5, "0.1")],
)
def test_maml(data, ways, shots, steps, tasks, test_steps, published_rate):
    recipe = recipes.maml_omniglot(ways, shots, data=data)
    learner = recipe.learner
    assert type(learner) is MAML and not learner.first_order
    # of the mean loss: that of the released code, of ways times the mean, times ways
    assert learner.inner_lr == 2.0
    assert said(recipe, f"{ways} · {published_rate} = 2", "mean cross-entropy")
    assert learner.inner_steps == steps
    assert recipe.evaluation_steps == test_steps
    assert recipe.tasks_per_batch == tasks
    assert meta_steps(recipe) == 60_000
    assert is_adam(recipe.optimizer, 1e-3) and recipe.schedule is None
    assert setting(recipe.train_tasks) == (ways, shots, shots)
    assert setting(recipe.test_tasks) == (ways, shots, shots)
    assert recipe.train_tasks.tasks is None
    assert recipe.test_tasks.tasks == 600


def test_mamls_loss_is_a_mean(data):
    learner = recipes.maml_omniglot(5, 1, data=data).learner
    loss = learner.criterion(nx.zeros(10, 5), nx.zeros(10, dtype=nx.int32))
    assert loss.item() == pytest.approx(math.log(5))


@pytest.mark.parametrize("ways", [5, 20])
def test_mamls_network(data, ways):
    recipe = recipes.maml_omniglot(ways, 1, data=data)
    has_strided_blocks(recipe)
    assert {norm.mode for norm in layers(recipe, nn.BatchNorm2d)} == {"transductive"}
    pool, linear = recipe.learner.model.head
    assert isinstance(pool, nn.GlobalAveragePool2d)
    assert linear.weight.shape == (ways, 64)
    assert said(recipe, "batch norm is transductive, in test too")
    assert said(recipe, "adapt batch norm's scales and shifts", "not adapted")
    assert said(recipe, "rotations", "released code")


# ---- Reptile on Omniglot ----

REPTILE = {
    # ways: Adam's rate, batch, iterations, meta-steps; batch, iterations in test
    5: (1e-3, 10, 5, 100_000, 5, 50),
    20: (5e-4, 20, 10, 200_000, 10, 50),
}


@pytest.mark.parametrize("ways", REPTILE)
def test_reptile(data, ways):
    rate, batch, steps, iterations, test_batch, test_steps = REPTILE[ways]
    recipe = recipes.reptile_omniglot(ways, 1, data=data)
    learner = recipe.learner
    assert type(learner) is Reptile and learner.inner_optimizer == "adam"
    assert learner.inner_lr == rate
    assert learner.inner_batch == batch
    assert learner.inner_steps == steps
    assert recipe.tasks_per_batch == 5
    assert meta_steps(recipe) == iterations
    assert recipe.evaluation_steps == test_steps
    assert said(recipe, "In test an inner step", f"authors' code: {test_batch})")
    train_ways, train_shots, _ = setting(recipe.train_tasks)
    assert (train_ways, train_shots) == (ways, 10)
    assert setting(recipe.test_tasks) == (ways, 1, 1)


def test_reptiles_inner_adam_has_no_first_moment(data):
    """Where β₁ is 0, the first step is one of α for gradients of any size, and the
    opposite gradient takes it back at once."""
    learner = recipes.reptile_omniglot(data=data).learner
    name, bias = "model.1.bias", nx.zeros(5)
    rest, places = {n: b.value() for n, b in learner.named_buffers()}, []
    for number, sign in enumerate((1.0, -1.0)):
        gradient = {name: sign * nx.tensor([3.0, 0.3, 30.0, -3.0, -0.3])}
        step = InnerStep({name: bias}, rest, nx.tensor(number))
        values, kept = learner.moved({name: bias}, gradient, step)
        rest, bias = {**rest, **kept}, values[name]
        places.append(bias.numpy())
    assert np.allclose(places[0], [-1e-3, -1e-3, -1e-3, 1e-3, 1e-3], rtol=1e-4)
    assert np.allclose(places[1], 0.0, atol=1e-6)


@pytest.mark.parametrize("ways", REPTILE)
def test_reptiles_outer_step_goes_from_1_to_0_in_a_line(data, ways):
    recipe = recipes.reptile_omniglot(ways, 1, data=data)
    assert type(recipe.optimizer) is optim.SGD
    assert recipe.optimizer.lr == 1.0
    assert recipe.optimizer.momentum == recipe.optimizer.weight_decay == 0
    assert np.allclose(rates(recipe), np.linspace(1.0, 0.0, recipe.epochs + 1))
    assert said(recipe, "outer step", f"{recipe.epochs} epochs")


@pytest.mark.parametrize("ways", REPTILE)
def test_reptiles_network(data, ways):
    recipe = recipes.reptile_omniglot(ways, 1, data=data)
    has_strided_blocks(recipe)
    body, linear = recipe.learner.model
    assert body(nx.zeros(3, 1, 28, 28)).shape == (3, 256)
    assert linear.weight.shape == (ways, 256)
    assert said(recipe, "Ink is 1", "does not invert")


@pytest.mark.parametrize(
    ("recipe", "rotated"),
    [
        (recipes.reptile_omniglot, ["train"]),
        (recipes.maml_omniglot, ["train", "validation", "test"]),
        (recipes.prototypical_networks_omniglot, ["train", "validation", "test"]),
    ],
)
def test_which_characters_are_rotated(monkeypatch, recipe, rotated):
    """As classes of their own; Reptile's are not in test."""
    asked = {}

    def loader(root, *, split, rotations):
        asked[split] = rotations
        return classes(60)

    monkeypatch.setattr(characters, "Omniglot", loader)
    made = recipe()
    assert list(asked) == list(SPLITS)
    assert [split for split in SPLITS if asked[split]] == rotated
    assert said(made, "1028 training, 172 validation and 423 test characters")


# ---- Prototypical Networks on Omniglot ----


@pytest.mark.parametrize("ways", [5, 20])
@pytest.mark.parametrize("shots", [1, 5])
def test_prototypical_networks(data, ways, shots):
    recipe = recipes.prototypical_networks_omniglot(ways, shots, data=data)
    learner = recipe.learner
    assert type(learner) is PrototypicalNetworks
    assert learner.distance_metric == "euclidean"
    assert setting(recipe.train_tasks) == (60, shots, 5)
    assert recipe.tasks_per_batch == 1
    assert setting(recipe.test_tasks) == (ways, shots, 15)
    assert recipe.test_tasks.tasks == 1000
    assert is_adam(recipe.optimizer, 1e-3)
    episodes = np.arange(recipe.epochs + 1) * recipe.steps_per_epoch
    assert episodes[-1] > 4000
    assert np.allclose(rates(recipe), 1e-3 * 0.5 ** (episodes // 2000))
    assert {2000, 4000} <= set(episodes.tolist())  # where the rate changes


def test_the_prototypical_network(data):
    recipe = recipes.prototypical_networks_omniglot(data=data)
    for convolution in layers(recipe, nn.Conv2d):
        assert convolution.kernel_size == (3, 3)
        assert convolution.stride == convolution.padding == (1, 1)
        assert convolution.out_channels == 64
    kinds = (nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d, nn.Linear)
    assert [len(layers(recipe, kind)) for kind in kinds] == [4, 4, 4, 4, 0]
    assert {pool.kernel_size for pool in layers(recipe, nn.MaxPool2d)} == {(2, 2)}
    assert {pool.stride for pool in layers(recipe, nn.MaxPool2d)} == {(2, 2)}
    assert {norm.mode for norm in layers(recipe, nn.BatchNorm2d)} == {"running"}
    assert recipe.learner.model(nx.zeros(3, 1, 28, 28)).shape == (3, 64)


# ---- MAML on sine waves ----


def test_sine(sine):
    learner = sine.learner
    assert type(learner) is MAML and not learner.first_order
    assert learner.inner_lr == 0.01
    assert said(sine, "0.01", "0.001")
    assert learner.inner_steps == 1
    assert sine.evaluation_steps == 10
    assert sine.tasks_per_batch == 25
    assert meta_steps(sine) == 70_000
    assert is_adam(sine.optimizer, 1e-3) and sine.schedule is None
    assert len(sine.test_tasks) == 600
    for tasks, support in ((sine.train_tasks, 10), (sine.test_tasks, 5)):
        assert {task.support_x.shape for task in tasks} == {(support, 1)}
        assert {task.query_x.shape for task in tasks} == {(10, 1)}


def test_the_network_for_sine_waves(sine):
    weights = [layer.weight.numpy() for layer in layers(sine, nn.Linear)]
    assert [weight.shape for weight in weights] == [(40, 1), (40, 40), (1, 40)]
    kinds = [type(layer) for layer in sine.learner.model]
    assert kinds == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]
    every = np.concatenate([weight.ravel() for weight in weights])
    # truncated at two deviations, which leaves 0.88 of the deviation
    assert np.abs(every).max() <= 0.02
    assert every.std() == pytest.approx(0.01 * 0.8796, rel=0.06)
    assert abs(every.mean()) < 0.001
    assert not any(layer.bias.numpy().any() for layer in layers(sine, nn.Linear))


def test_the_waves(sine):
    """y = a sin x + b cos x with a = A cos φ and b = −A sin φ, found by least squares:
    A, φ and x are uniform in their intervals."""
    inputs, found = [], []
    for task in sine.train_tasks:
        parts = [part.numpy().astype(np.float64).ravel() for part in task[:4]]
        x, y = np.concatenate(parts[::2]), np.concatenate(parts[1::2])
        (a, b), residual, *_ = np.linalg.lstsq(
            np.stack([np.sin(x), np.cos(x)], 1), y, rcond=None
        )
        assert residual < 1e-8
        inputs.append(x)
        found.append((math.hypot(a, b), math.atan2(-b, a)))
    amplitudes, phases = np.array(found).T
    for values, low, high in (
        (amplitudes, 0.1, 5.0),
        (phases, 0.0, math.pi),
        (np.concatenate(inputs), -5.0, 5.0),
    ):
        share = (np.sort(values) - low) / (high - low)
        assert -1e-4 < share[0] < 0.004 and 0.996 < share[-1] < 1 + 1e-4
        # Kolmogorov & Smirnov: 0.039 has a chance of 0.1 % for 2,500 values
        assert np.abs(share - (np.arange(len(share)) + 0.5) / len(share)).max() < 0.039


# ---- the papers' results ----

ACCURACY = [
    (recipes.maml_omniglot, {}, (98.7, 99.9, 95.8, 98.9)),
    (recipes.maml_omniglot, {"first_order": True}, (98.3, 99.2, 89.4, 97.9)),
    (recipes.reptile_omniglot, {}, (97.68, 99.48, 89.43, 97.12)),
    (recipes.prototypical_networks_omniglot, {}, (98.8, 99.7, 96.0, 98.9)),
    (recipes.meta_sgd_omniglot, {}, (99.53, 99.93, 95.9, 99.0)),
    (recipes.maml_plus_plus_omniglot, {}, (99.47, 99.93, None, 99.33)),
    (recipes.anil_omniglot, {}, (None, None, 96.2, 98.0)),
    (recipes.imaml_omniglot, {}, (99.50, 99.74, 96.18, 99.14)),
]


@pytest.mark.parametrize(
    ("recipe", "more", "figures"),
    ACCURACY,
    ids=[f"{r.__name__} {' '.join(m)}".strip() for r, m, _ in ACCURACY],
)
def test_published_accuracy(data, recipe, more, figures):
    settings = [(5, 1), (5, 5), (20, 1), (20, 5)]
    for (ways, shots), figure in zip(settings, figures, strict=True):
        wanted = {} if figure is None else {"accuracy": figure}
        assert recipe(ways, shots, data=data, **more).published == wanted


def test_published_errors_on_sine_waves(sine):
    assert list(sine.published.values()) == [0.67, 0.38, 0.35]
    assert list(sine.published) == ["loss after 1", "loss after 5", "loss after 10"]


# ---- on invented characters ----------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "of_omniglot"),
    [
        (recipes.prototypical_networks_glyphs, recipes.prototypical_networks_omniglot),
        (recipes.maml_glyphs, recipes.maml_omniglot),
    ],
)
def test_recipes_on_glyphs_are_those_of_omniglot(data, made, of_omniglot):
    """All but the characters, and what is said of them."""
    recipe, other = (f(5, 1, data=data, meta_steps=500) for f in (made, of_omniglot))
    assert recipe.name == other.name.replace("Omniglot", "Glyphs")
    assert str(recipe.learner) == str(other.learner)
    assert meta_steps(recipe) == meta_steps(other)
    assert setting(recipe.train_tasks) == setting(other.train_tasks)
    assert not recipe.published and other.published
    said = " ".join(recipe.differences)
    for word in ("Vinyals", "Omniglot", "four rotations", "1200"):
        assert word not in said
    assert "drawn by `Glyphs`" in said


def test_parts_of_glyphs_share_no_character():
    numbers = [set(part) for part in CLASSES.values()]
    assert [len(part) for part in numbers] == [2000, 200, 400]
    assert len(set.union(*numbers)) == 2600
