"""Families of generated tasks: each held against what its docstring says."""

import numpy as np
import pytest

import neurenix as nx
from neurenix.errors import InvalidArgumentError
from neurenix.meta import (
    generate_gaussian_mixture_tasks,
    generate_gaussian_process_tasks,
    generate_harmonic_tasks,
    generate_sine_mixture_tasks,
)

FAMILIES = [
    generate_sine_mixture_tasks,
    generate_harmonic_tasks,
    generate_gaussian_process_tasks,
    generate_gaussian_mixture_tasks,
]


def numbers(task):
    """All of a task's examples: x [n, d] and y [n, outputs]."""
    x = np.concatenate([task.support_x.numpy(), task.query_x.numpy()])
    return x, np.concatenate([task.support_y.numpy(), task.query_y.numpy()])


def misfit(columns, y):
    """What is left of y after the best linear combination of columns."""
    weights = np.linalg.lstsq(columns, y, rcond=None)[0]
    return float(np.abs(columns @ weights - y).max()), weights


@pytest.mark.parametrize("generate", FAMILIES)
def test_task_i_is_the_same_for_a_seed(generate):
    few, many = generate(2, 4, seed=3), generate(5, 4, seed=3)
    for a, b in zip(few, many, strict=False):
        assert all(np.array_equal(x.numpy(), y.numpy()) for x, y in zip(a, b))
    other = generate(2, 4, seed=4)
    assert not np.array_equal(few[0].support_x.numpy(), other[0].support_x.numpy())
    assert not np.array_equal(few[0].support_x.numpy(), few[1].support_x.numpy())
    nx.manual_seed(5)
    first = generate(1, 4)
    nx.manual_seed(5)
    assert np.array_equal(first[0].query_x.numpy(), generate(1, 4)[0].query_x.numpy())


@pytest.mark.parametrize("generate", FAMILIES)
def test_sizes_and_dtypes(generate):
    task = generate(1, 4, num_queries=7, seed=0)[0]
    assert {x.dtype for x in task} == {nx.float32}
    assert [len(x) for x in task] in ([4, 4, 7, 7], [40, 40, 28, 28])
    for wrong in ({"num_tasks": 0}, {"num_queries": 0}, {"seed": -1}):
        settings = {"num_tasks": 1, **wrong}
        with pytest.raises(InvalidArgumentError, match=next(iter(wrong))):
            generate(settings.pop("num_tasks"), 4, **settings)


def test_a_sine_mixture_is_waves_and_lines():
    lines = 0
    for task in generate_sine_mixture_tasks(400, 10, noise=0.0, seed=0):
        x, y = (a.astype(float) for a in numbers(task))
        line, weights = misfit(np.hstack([x, np.ones_like(x)]), y)
        wave, turned = misfit(np.hstack([np.sin(x), np.cos(x)]), y)
        assert min(line, wave) < 1e-4 < max(line, wave)
        if line < wave:
            lines += 1
            assert np.abs(weights).max() <= 3.001
        else:
            assert 0.099 < np.hypot(*turned)[0] < 5.001
            # A sin(x − φ) has the cosine −A sin φ: φ in [0, π] makes it negative.
            assert turned[1] < 1e-3
    assert abs(lines - 200) < 5 * 10  # five standard deviations of a fair coin


def test_noise_is_what_it_says():
    quiet = generate_sine_mixture_tasks(300, 20, noise=0.0, seed=0)
    loud = generate_sine_mixture_tasks(300, 20, noise=0.3, seed=0)
    noise = np.concatenate([numbers(b)[1] - numbers(a)[1] for a, b in zip(quiet, loud)])
    assert abs(noise.std() - 0.3) < 5 * 0.3 / np.sqrt(2 * len(noise))


def test_harmonics_are_two_waves():
    tasks = generate_harmonic_tasks(300, 10, frequency=(6, 6), noise=0.0, seed=0)
    amplitudes, centres = [], []
    for task in tasks:
        x, y = (a.astype(float) for a in numbers(task))
        waves = [f(k * x) for k in (6.0, 12.0) for f in (np.sin, np.cos)]
        left, weights = misfit(np.hstack(waves), y)
        assert left < 1e-3
        amplitudes.append(np.hypot(weights[::2, 0], weights[1::2, 0]))
        centres.append(x.mean())
    squares = np.square(amplitudes).mean(axis=0)  # of N(0, 1): 1, with deviation √2
    assert np.abs(squares - 1.0).max() < 5 * np.sqrt(2 / 300)
    assert 3.0 < np.max(np.abs(centres)) < 5.0


def test_a_gaussian_process_has_the_covariance_of_its_kernel():
    settings = {"length_scale": 0.7, "scale": 1.5, "noise": 0.5}
    tasks = generate_gaussian_process_tasks(6000, 1, seed=0, **settings)
    products, expected, squares = [], [], []
    for task in tasks:
        x, y = (a.astype(float)[:, 0] for a in numbers(task))
        products.append(y[0] * y[1])
        expected.append(1.5**2 * np.exp(-((x[0] - x[1]) ** 2) / (2 * 0.7**2)))
        squares.append(y[0] ** 2)
    variance = 1.5**2 + 0.5**2
    assert abs(np.mean(squares) - variance) < 5 * variance * np.sqrt(2 / 6000)
    near = np.array(expected) > 1.0
    difference = np.array(products) - np.array(expected)
    for chosen in (near, ~near):
        some = difference[chosen]
        assert abs(some.mean()) < 5 * some.std() / np.sqrt(len(some))


def test_a_gaussian_process_of_many_near_points_has_a_root():
    tasks = generate_gaussian_process_tasks(1, 150, noise=0.0, length_scale=2.0, seed=0)
    assert np.isfinite(tasks[0].support_y.numpy()).all()


def test_a_mixture_has_its_components():
    tasks = generate_gaussian_mixture_tasks(
        20, 3, 30, components=2, separation=1000.0, seed=0
    )
    for task in tasks:
        x, y = numbers(task)
        for label in range(3):
            own = x[y[:, label] == 1]
            # Around two centres far apart: distances are small or large.
            distance = np.linalg.norm(own - own[0], axis=1)
            first = distance < 20
            assert 5 <= first.sum() <= 55 and len(own) == 60
            second = own[~first]
            assert np.linalg.norm(second - second[0], axis=1).max() < 20
    one = generate_gaussian_mixture_tasks(200, 2, 50, components=1, seed=1)
    within = [numbers(t)[0][:50] for t in one]
    deviation = np.mean([part.var(axis=0, ddof=1) for part in within])
    assert abs(deviation - 1.0) < 5 * np.sqrt(2 / (400 * 49))


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: generate_sine_mixture_tasks(1, 5, noise=-1.0), "noise=-1.0"),
        (lambda: generate_harmonic_tasks(1, 5, frequency=(3, 2)), "frequency"),
        (lambda: generate_gaussian_process_tasks(1, 5, length_scale=0), "above 0"),
        (lambda: generate_gaussian_process_tasks(1, 5, scale="big"), "scale='big'"),
        (lambda: generate_gaussian_process_tasks(1, 5, 0), "input_dim"),
        (lambda: generate_gaussian_mixture_tasks(1, 1), "num_classes"),
        (lambda: generate_gaussian_mixture_tasks(1, components=0), "components"),
        (lambda: generate_gaussian_mixture_tasks(1, separation=-2), "separation=-2"),
    ],
)
def test_bad_arguments_are_named(call, words):
    with pytest.raises(InvalidArgumentError, match=words):
        call()
