"""Each recipe for ten steps, and its first step against the formula in NumPy."""

from __future__ import annotations

import math

import numpy as np
import numpy_networks as net
import pytest

import neurenix as nx
from neurenix import optim
from neurenix.meta import recipes
from neurenix.meta.datasets import Glyphs

SPLITS = ("train", "validation", "test")
# Of differences: a step across a ReLU's kink makes the loss jump.
TINY = 1e-8
WAVES = {"pool": 25, "meta_steps": 1, "test_tasks": 4}


@pytest.fixture(scope="module")
def data():
    return {split: Glyphs(classes=70, seed=i) for i, split in enumerate(SPLITS)}


def first_order(*arguments, **keywords):
    return recipes.maml_omniglot(*arguments, first_order=True, **keywords)


# ---- the formulas: of all parameters and a task, the loss (and what is asked for) ----


def classified(p, x, y, **network):
    """Loss of the strided network, and its gradient."""
    logits, kept = net.strided(p, x, **network)
    loss, dlogits = net.cross_entropy(logits, y)
    return loss, net.strided_back(p, kept, dlogits)


def maml(p, task, rate=2.0, steps=1, adapts="model."):
    """Finn et al. 2017, with the N-fold rate; `rate` a number or a tensor by name."""
    support_x, support_y, query_x, query_y = task
    for _ in range(steps):
        _, g = classified(p, support_x, support_y)
        p = {
            n: a - (rate if np.isscalar(rate) else rate[n]) * g[n]
            if n.startswith(adapts) else a
            for n, a in p.items()
        }  # fmt: skip
    return classified(p, query_x, query_y)


def meta_sgd(p, task):
    model = {n: a for n, a in p.items() if n.startswith("model.")}
    return maml(model, task, {n: p[n.replace("model.", "rates.", 1)] for n in model})


def maml_plus_plus(p, task):
    """Five steps with rates of their own and the rows of batch norm; the loss after
    each counts a fifth in the first epoch."""
    support_x, support_y, query_x, query_y = task
    steps, total = 5, 0.0
    fast = {n: a for n, a in p.items() if n.startswith("model.")}

    def row(values, number):
        norm = {f"model.blocks.{i}.1.{kind}" for i in range(4) for kind in
                ("weight", "bias")}  # fmt: skip
        number = min(number, steps - 1)
        return {n: a[number] if n in norm else a for n, a in values.items()}

    for step in range(steps):
        _, g = classified(row(fast, step), support_x, support_y)
        for n in fast:
            layer = n.removeprefix("model.").rpartition(".")[0]
            if f"rates.{layer}" in p:
                fast = {**fast, n: fast[n] - p[f"rates.{layer}"][step] * g[n]}
        total += classified(row(fast, step + 1), query_x, query_y)[0] / steps
    return total, None


def imaml(p, task):
    """16 proximal steps, then (I + H/(λ + damping))⁻¹ of the query gradient by five
    iterations of conjugate gradient, with H times a vector by differences of gradients.
    """
    support_x, support_y, query_x, query_y = task
    strength, damping, rate, start = 0.1, 2.0, 0.5, p
    for _ in range(16):
        _, g = classified(p, support_x, support_y)
        p = {n: a - rate * (g[n] + strength * (a - start[n])) for n, a in p.items()}
    loss, b = classified(p, query_x, query_y)

    def product(v):
        size = TINY / math.sqrt(dot(v, v))
        ends = [
            classified({n: a + h * v[n] for n, a in p.items()}, support_x, support_y)[1]
            for h in (size, -size)
        ]
        return {
            n: v[n] + (ends[0][n] - ends[1][n]) / (2 * size) / (strength + damping)
            for n in v
        }

    x, residual, direction = {n: 0 * a for n, a in b.items()}, b, b
    for _ in range(5):
        image = product(direction)
        length = dot(residual, residual) / dot(direction, image)
        x = {n: a + length * direction[n] for n, a in x.items()}
        new = {n: a - length * image[n] for n, a in residual.items()}
        turn = dot(new, new) / dot(residual, residual)
        residual, direction = new, {n: new[n] + turn * direction[n] for n in new}
    return loss, x


def dot(a, b):
    return sum((a[n] * b[n]).sum() for n in a)


def reptile(p, task):
    """Five steps of Adam with β₁ = 0, each on ten of the fifty support examples; the
    loss is that before the last."""
    support_x, support_y, _, _ = task
    start, moments = p, {n: 0 * a for n, a in p.items()}
    for step in range(5):
        loss, g = classified(
            p, support_x[step::5], support_y[step::5],
            body="model.0.", head="model.1", mean=False,
        )  # fmt: skip
        moments = {n: 0.999 * v + 0.001 * g[n] ** 2 for n, v in moments.items()}
        correction = 1 - 0.999 ** (step + 1)
        p = {
            n: a - 1e-3 * g[n] / (np.sqrt(moments[n] / correction) + 1e-8)
            for n, a in p.items()
        }
    return loss, {n: start[n] - a for n, a in p.items()}


def embedded(p, task):
    support_x, support_y, query_x, query_y = task
    both = net.embed(p, np.concatenate([support_x, query_x]))
    return both[: len(support_x)], support_y, both[len(support_x) :], query_y


def prototypical(p, task):
    support, support_y, query, query_y = embedded(p, task)
    centres = np.stack(
        [support[support_y == k].mean(0) for k in range(support_y.max() + 1)]
    )
    distances = ((query[:, None] - centres[None]) ** 2).sum(2)
    return net.cross_entropy(-distances, query_y)[0], None


def r2d2(p, task):
    support, support_y, query, query_y = embedded(p, task)
    labels = np.eye(support_y.max() + 1)[support_y]
    penalty = np.exp(p["log_lambda"]) * np.eye(support.shape[1])
    weight = np.linalg.solve(support.T @ support + penalty, support.T @ labels)
    logits = p["alpha"] * (query @ weight) + p["beta"]
    return net.cross_entropy(logits, query_y)[0], None


def maml_sine(p, task):
    support_x, support_y, query_x, query_y = task
    output, inputs = net.perceptron(p, support_x, "model.")
    dy = 2 * (output - support_y) / len(output)
    g = net.perceptron_back(p, inputs, "model.", dy)
    p = {n: a - 0.01 * g[n] for n, a in p.items()}
    output, _ = net.perceptron(p, query_x, "model.")
    return ((output - query_y) ** 2).mean(), None


def neural_process(p, task):
    support_x, support_y, query_x, query_y = task
    pairs = np.concatenate([support_x, support_y], 1)
    seen = net.perceptron(p, pairs, "model.encoder.")[0].mean(0, keepdims=True)
    x, y = np.concatenate([support_x, query_x]), np.concatenate([support_y, query_y])
    given = np.concatenate([np.repeat(seen, len(x), 0), x], 1)
    output = net.perceptron(p, given, "model.decoder.")[0]
    mean, deviation = output[:, :1], 0.1 + 0.9 * np.logaddexp(output[:, 1:], 0)
    density = np.exp(-(((y - mean) / deviation) ** 2) / 2) / deviation
    return -np.log(density / math.sqrt(2 * math.pi)).mean(), None


def anil(p, task):
    return maml(p, task, adapts="model.head.")


def three_steps(p, task):
    return maml(p, task, rate=0.4, steps=3)


# name: the recipe, its formula, and whether what the formula gives beside the loss is
# the gradient itself; else the loss's slope is compared
FORMULAS = {
    "maml_sine": (recipes.maml_sine, maml_sine, False),
    "conditional_neural_process_sine": (
        recipes.conditional_neural_process_sine,
        neural_process,
        False,
    ),
    "maml_omniglot": (recipes.maml_omniglot, maml, False),
    "maml_omniglot, first order": (first_order, three_steps, True),
    "anil_omniglot": (recipes.anil_omniglot, anil, False),
    "meta_sgd_omniglot": (recipes.meta_sgd_omniglot, meta_sgd, False),
    "maml_plus_plus_omniglot": (recipes.maml_plus_plus_omniglot, maml_plus_plus, False),
    "imaml_omniglot": (recipes.imaml_omniglot, imaml, True),
    "reptile_omniglot": (recipes.reptile_omniglot, reptile, True),
    "prototypical_networks_omniglot": (
        recipes.prototypical_networks_omniglot,
        prototypical,
        False,
    ),
    "r2d2_omniglot": (recipes.r2d2_omniglot, r2d2, False),
}


def made(name, data, **more):
    make = FORMULAS[name][0]
    settings = dict(WAVES) if "sine" in name else {"data": data, "test_tasks": 4}
    nx.manual_seed(0)
    return make(**{**settings, **more})


def values_of(learner):
    return {n: p.numpy().astype(np.float64) for n, p in learner.named_parameters()}


def first_tasks(recipe):
    return [
        tuple(
            part.numpy().astype(np.float64 if part.dtype.is_floating else np.int64)
            for part in tuple(recipe.train_tasks[number])[:4]
        )
        for number in range(recipe.tasks_per_batch)
    ]


def one_step(recipe, optimizer=None):
    """The history of one meta-step, and how much it took from each parameter."""
    before = values_of(recipe.learner)
    history = recipe.learner.meta_learn(
        recipe.train_tasks,
        recipe.optimizer if optimizer is None else optimizer,
        epochs=1,
        tasks_per_batch=recipe.tasks_per_batch,
        steps_per_epoch=None if recipe.steps_per_epoch is None else 1,
        progress=False,
    )
    after = values_of(recipe.learner)
    return history["loss"][0], {n: a - after[n] for n, a in before.items()}


def test_no_recipe_is_forgotten():
    """Those on glyphs are Omniglot's with other tasks, as test_recipe_facts holds."""
    named = {name.partition(",")[0] for name in FORMULAS}
    others = {name for name in recipes.__all__ if name.endswith("glyphs")}
    assert named == set(recipes.__all__) - {"Recipe", "omniglot"} - others


@pytest.mark.parametrize("name", FORMULAS)
def test_ten_steps(name, data, compiled_device):
    more = {"pool": 50, "meta_steps": 10} if "sine" in name else {"meta_steps": 10}
    recipe = made(name, data, **more)
    start = values_of(recipe.learner)
    history = recipe.train(validation=None, progress=False)
    assert recipe.epochs * (recipe.steps_per_epoch or 2) == 10
    assert len(history["loss"]) == recipe.epochs
    assert all(math.isfinite(loss) for loss in history["loss"])
    for parameter, value in values_of(recipe.learner).items():
        assert np.isfinite(value).all(), parameter
        assert (value != start[parameter]).any(), parameter
    result = recipe.test()
    assert result.tasks == 4
    assert np.isfinite(result.scores["loss"]).all()


@pytest.mark.parametrize("name", FORMULAS)
def test_the_first_step_is_the_formula(name, data, compiled_device):
    _, formula, gives_gradient = FORMULAS[name]
    recipe = made(name, data)
    start, tasks = values_of(recipe.learner), first_tasks(recipe)
    answers = [formula(start, task) for task in tasks]
    sgd = optim.SGD(recipe.learner.parameters(), lr=1.0)
    loss, gradient = one_step(recipe, sgd)
    assert loss == pytest.approx(np.mean([a[0] for a in answers]), rel=2e-4)
    if gives_gradient:
        for n in start:
            expected = np.mean([a[1][n] for a in answers], axis=0)
            error = np.linalg.norm(gradient[n] - expected)
            assert error < 2e-2 * np.linalg.norm(expected), n
        return
    # along the gradient itself, and along another direction
    rng = np.random.default_rng(0)
    other = {n: rng.normal(size=a.shape) * np.abs(a).mean() for n, a in start.items()}
    for direction in (gradient, other):
        size = TINY / math.sqrt(dot(direction, direction))
        ends = [
            np.mean([
                formula({n: a + h * direction[n] for n, a in start.items()}, task)[0]
                for task in tasks
            ])
            for h in (size, -size)
        ]  # fmt: skip
        slope = (ends[0] - ends[1]) / (2 * size)
        scale = math.sqrt(dot(gradient, gradient) * dot(direction, direction))
        assert dot(gradient, direction) == pytest.approx(slope, abs=1e-2 * scale)
