"""The generators of tasks: what they draw, and what they refuse."""

import itertools
import math

import numpy as np
import pytest

import neurenix as nx
from neurenix.errors import InvalidArgumentError
from neurenix.meta.tasks.task import (
    Task,
    generate_classification_tasks,
    generate_regression_tasks,
)


def same(a: Task, b: Task) -> bool:
    return all(np.array_equal(x.numpy(), y.numpy()) for x, y in zip(a, b, strict=True))


def test_a_regression_task_has_the_documented_shapes():
    tasks = generate_regression_tasks(num_tasks=3, num_samples_per_task=20)
    assert len(tasks) == 3
    for task in tasks:
        assert [tuple(t.shape) for t in task] == [(20, 1)] * 4
        assert all(t.dtype is nx.float32 for t in task)


def test_queries_can_differ_in_number_from_the_support():
    task = generate_regression_tasks(1, 5, num_queries=7, seed=0)[0]
    assert task.support_y.shape == (5, 1) and task.query_y.shape == (7, 1)
    task = generate_classification_tasks(1, 3, 2, num_queries=4, seed=0)[0]
    assert task.support_y.shape == (6, 3) and task.query_y.shape == (12, 3)


@pytest.mark.parametrize("dimensions", [1, 3])
def test_targets_are_one_sine_wave_over_the_whole_task(dimensions):
    for task in generate_regression_tasks(20, 10, dimensions, seed=1):
        x = np.concatenate([task.support_x.numpy(), task.query_x.numpy()])
        y = np.concatenate([task.support_y.numpy(), task.query_y.numpy()])[:, 0]
        u = x.sum(axis=1) / math.sqrt(dimensions)
        # A sin(u − φ) = a sin u + b cos u: two numbers explain twenty targets.
        waves = np.stack([np.sin(u), np.cos(u)], axis=1)
        found, *_ = np.linalg.lstsq(waves, y, rcond=None)
        assert np.abs(waves @ found - y).max() < 1e-4
        amplitude, phase = np.hypot(*found), math.atan2(-found[1], found[0])
        assert 0.1 <= amplitude <= 5.0 and -1e-3 <= phase <= math.pi + 1e-3
        assert np.abs(x).max() <= 5.0


def test_amplitudes_and_phases_fill_their_intervals():
    tasks = generate_regression_tasks(
        400, 8, amplitude=(2.0, 3.0), phase=(0.0, 0.0), domain=(0.0, 1.0), seed=0
    )
    x = np.stack([t.support_x.numpy() for t in tasks])[..., 0]
    y = np.stack([t.support_y.numpy() for t in tasks])[..., 0]
    amplitudes = (y / np.sin(x)).mean(axis=1)
    assert 2.0 <= amplitudes.min() < 2.05 and 2.95 < amplitudes.max() <= 3.001
    assert 0.0 <= x.min() < 0.01 and 0.99 < x.max() <= 1.0


@pytest.mark.parametrize(
    "generate", [generate_regression_tasks, generate_classification_tasks]
)
def test_a_seed_fixes_each_task_whatever_their_number(generate):
    few, many = generate(2, 5, seed=3), generate(4, 5, seed=3)
    assert all(same(a, b) for a, b in zip(few, many[:2], strict=True))
    assert not same(many[0], many[1])
    assert not same(generate(1, 5, seed=4)[0], few[0])


@pytest.mark.parametrize(
    "generate", [generate_regression_tasks, generate_classification_tasks]
)
def test_without_a_seed_the_manual_seed_decides(generate):
    nx.manual_seed(5)
    first, second = generate(1, 5)[0], generate(1, 5)[0]
    nx.manual_seed(5)
    again = generate(1, 5)[0]
    assert same(first, again) and not same(first, second)


def test_labels_are_one_hot_class_after_class():
    task = generate_classification_tasks(1, seed=0)[0]
    assert task.support_x.shape == (50, 20) and task.query_x.shape == (50, 20)
    expected = np.arange(5).repeat(10)
    for labels in (task.support_y.numpy(), task.query_y.numpy()):
        assert labels.dtype == np.float32
        assert np.array_equal(labels, np.eye(5)[expected])
    assert np.array_equal(task.query_y.argmax(dim=1).numpy(), expected)


def prototype_accuracy(tasks, project):
    right = []
    for task in tasks:
        ways = task.support_y.shape[1]
        support, query = project(task.support_x.numpy()), project(task.query_x.numpy())
        prototypes = support.reshape(ways, -1, support.shape[1]).mean(axis=1)
        distance = ((query[:, None] - prototypes[None]) ** 2).sum(axis=2)
        right.append(distance.argmin(axis=1) == task.query_y.numpy().argmax(axis=1))
    return float(np.mean(right))


def untrained_network(seed):
    rng = np.random.default_rng(seed)
    sizes = [20, 64, 64, 32]
    layers = [
        (
            rng.uniform(-1, 1, (n, m)) / math.sqrt(n),
            rng.uniform(-1, 1, m) / math.sqrt(n),
        )
        for n, m in itertools.pairwise(sizes)
    ]

    def embed(x):
        for depth, (weight, bias) in enumerate(layers):
            x = x @ weight + bias
            if depth < 2:
                x = np.maximum(x, 0)
        return x

    return embed


def test_an_untrained_embedding_is_far_from_perfect_and_a_learned_one_is_not():
    old = generate_classification_tasks(100, seed=0)
    new = generate_classification_tasks(100, seed=1)
    untrained = np.mean([prototype_accuracy(new, untrained_network(s)) for s in (0, 1)])
    assert 0.5 < untrained < 0.7
    # What the tasks of one seed teach holds for those of another: the directions in
    # which class means differ most, for the spread within classes.
    x = np.stack([t.support_x.numpy() for t in old]).reshape(-1, 10, 20)
    within = x - x.mean(axis=1, keepdims=True)
    scatter = np.einsum("tki,tkj->ij", within, within) / (9 * len(x))
    means = x.mean(axis=1).reshape(100, 5, 20)
    means = (means - means.mean(axis=1, keepdims=True)).reshape(-1, 20)
    values, vectors = np.linalg.eig(np.linalg.solve(scatter, means.T @ means))
    telling = vectors[:, np.argsort(-values.real)[:4]].real
    assert prototype_accuracy(new, lambda x: x @ telling) > untrained + 0.25


def test_the_shared_structure_is_there_for_every_input_size():
    for dimensions in (1, 2, 7, 33):
        task = generate_classification_tasks(1, 3, 2, dimensions, seed=0)[0]
        assert task.support_x.shape == (6, dimensions)


def test_tasks_unpack_as_documented():
    support_x, _support_y, _query_x, query_y = generate_regression_tasks(1, 4)[0]
    assert support_x.shape == (4, 1) and query_y.shape == (4, 1)


@pytest.mark.parametrize(
    "call, words",
    [
        (
            lambda: generate_regression_tasks(0, 5),
            "num_tasks=0; expected an int of 1 or more",
        ),
        (lambda: generate_regression_tasks(2, -1), "num_samples_per_task"),
        (lambda: generate_regression_tasks(2, 2.5), "=2.5; expected an int of 1"),
        (lambda: generate_regression_tasks(2, True), "=True; expected an int of 1"),
        (lambda: generate_regression_tasks(2, 5, 0), "input_dim"),
        (lambda: generate_regression_tasks(2, 5, num_queries=0), "num_queries"),
        (lambda: generate_regression_tasks(2, 5, phase=(1, 0)), "phase"),
        (lambda: generate_regression_tasks(2, 5, domain=(0, math.inf)), "domain"),
        (lambda: generate_regression_tasks(2, 5, seed=-1), "seed"),
        (lambda: generate_regression_tasks(2, 5, seed=2**64), "below 2\\*\\*64"),
        (lambda: generate_classification_tasks(-3), "num_tasks"),
        (
            lambda: generate_classification_tasks(1, 1),
            "num_classes=.*; expected an int of 2 or more",
        ),
        (lambda: generate_classification_tasks(1, 5, 0), "num_samples_per_class"),
        (lambda: generate_classification_tasks(1, 5, 5, 0), "input_dim"),
    ],
)
def test_impossible_sizes_are_named(call, words):
    with pytest.raises(InvalidArgumentError, match=words):
        call()
