"""More families of generated tasks: mixtures, harmonics, Gaussian processes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neurenix.arguments import positive, whole
from neurenix.keywords import with_known_keywords

from .task import Floats, Task, interval, query_count, stacked_task, streams

Examples = tuple[NDArray[np.float64], NDArray[np.float64]]


@with_known_keywords
def generate_sine_mixture_tasks(
    num_tasks: int,
    num_samples_per_task: int,
    *,
    noise: float = 0.3,
    num_queries: int | None = None,
    seed: int | None = None,
) -> list[Task]:
    """Sine waves and straight lines, each task one or the other with probability ½:
    y = A sin(x − φ) + ε, or y = s x + b + ε.

    A ~ U[0.1, 5], φ ~ U[0, π], s and b ~ U[−3, 3], x ~ U[−5, 5], ε ~ N(0, noise²).
    Few examples leave in doubt which of the two a task is.

    Args:
        num_tasks: how many tasks.
        num_samples_per_task: examples in the support set, and in the query set unless
            `num_queries` is given.
        noise: standard deviation of ε, 0 or more.
        num_queries: examples in the query set.
        seed: as of `generate_regression_tasks`.

    Returns:
        Tasks of x [n, 1] and y [n, 1], float32.

    Raises InvalidArgumentError for sizes below 1 and a noise that is negative.

    Source: Finn, Xu and Levine (2018), arXiv:1806.02817, section 6.

    >>> tasks = generate_sine_mixture_tasks(3, 5, seed=0)
    >>> tasks[2].support_x.shape, tasks[2].query_y.shape
    ((5, 1), (5, 1))
    """
    name = "generate_sine_mixture_tasks"
    shots = whole(name, "num_samples_per_task", num_samples_per_task, 1)
    total = shots + query_count(name, num_queries, shots)
    noise = positive(name, "noise", noise, or_zero=True)

    def values(rng: np.random.Generator) -> Examples:
        is_line = rng.uniform() < 0.5
        amplitude, shift = rng.uniform(0.1, 5.0), rng.uniform(0.0, math.pi)
        slope, offset = rng.uniform(-3.0, 3.0, 2)
        x = rng.uniform(-5.0, 5.0, total)
        y = slope * x + offset if is_line else amplitude * np.sin(x - shift)
        return x, y + noise * rng.standard_normal(total)

    return [_split(*values(rng), shots) for rng in streams(name, num_tasks, seed)]


@with_known_keywords
def generate_harmonic_tasks(
    num_tasks: int,
    num_samples_per_task: int,
    *,
    frequency: tuple[float, float] = (5.0, 7.0),
    noise: float = 0.1,
    num_queries: int | None = None,
    seed: int | None = None,
) -> list[Task]:
    """A wave and its first harmonic:
    y = a₁ sin(ωx + φ₁) + a₂ sin(2ωx + φ₂) + ε.

    ω is uniform on `frequency`, φ₁ and φ₂ on [0, 2π], a₁ and a₂ ~ N(0, 1),
    ε ~ N(0, noise²). Each task looks at another stretch: x ~ N(μ, 1), μ ~ U[−4, 4].

    Args:
        num_tasks: how many tasks.
        num_samples_per_task: examples in the support set, and in the query set unless
            `num_queries` is given.
        frequency: the interval of ω, in radians.
        noise: standard deviation of ε, 0 or more.
        num_queries: examples in the query set.
        seed: as of `generate_regression_tasks`.

    Returns:
        Tasks of x [n, 1] and y [n, 1], float32.

    Raises InvalidArgumentError for sizes below 1, an interval that is none and a noise
    that is negative.

    Source: Lacoste et al. (2018), arXiv:1806.07528.

    >>> generate_harmonic_tasks(3, 5, num_queries=9, seed=0)[0].query_x.shape
    (9, 1)
    """
    name = "generate_harmonic_tasks"
    shots = whole(name, "num_samples_per_task", num_samples_per_task, 1)
    total = shots + query_count(name, num_queries, shots)
    low, high = interval(name, "frequency", frequency)
    noise = positive(name, "noise", noise, or_zero=True)

    def values(rng: np.random.Generator) -> Examples:
        omega, centre = rng.uniform(low, high), rng.uniform(-4.0, 4.0)
        first, second = rng.standard_normal(2)
        shift, other = rng.uniform(0.0, 2.0 * math.pi, 2)
        x = centre + rng.standard_normal(total)
        y = first * np.sin(omega * x + shift) + second * np.sin(2 * omega * x + other)
        return x, y + noise * rng.standard_normal(total)

    return [_split(*values(rng), shots) for rng in streams(name, num_tasks, seed)]


@with_known_keywords
def generate_gaussian_process_tasks(
    num_tasks: int,
    num_samples_per_task: int,
    input_dim: int = 1,
    *,
    length_scale: float = 0.4,
    scale: float = 1.0,
    noise: float = 0.02,
    domain: tuple[float, float] = (-2.0, 2.0),
    num_queries: int | None = None,
    seed: int | None = None,
) -> list[Task]:
    """Functions drawn from a Gaussian process with a squared exponential kernel:
    y ~ N(0, K + noise² I), K_ij = scale² exp(−|x_i − x_j|² / (2 length_scale²)).

    Args:
        num_tasks: how many tasks.
        num_samples_per_task: examples in the support set, and in the query set unless
            `num_queries` is given.
        input_dim: the number of coordinates of x.
        length_scale: the distance over which a function changes.
        scale: standard deviation of a function's values.
        noise: standard deviation of what is added to them, 0 or more.
        domain: the interval of each coordinate.
        num_queries: examples in the query set.
        seed: as of `generate_regression_tasks`.

    Returns:
        Tasks of x [n, input_dim] and y [n, 1], float32.

    Raises InvalidArgumentError for sizes below 1, scales that are not above 0, a noise
    that is negative and an interval that is none.

    Source: Garnelo et al. (2018), arXiv:1807.01613, section 4.1.

    >>> tasks = generate_gaussian_process_tasks(3, 5, input_dim=2, seed=0)
    >>> tasks[0].support_x.shape, tasks[0].support_y.shape
    ((5, 2), (5, 1))
    """
    name = "generate_gaussian_process_tasks"
    shots = whole(name, "num_samples_per_task", num_samples_per_task, 1)
    total = shots + query_count(name, num_queries, shots)
    dimensions = whole(name, "input_dim", input_dim, 1)
    length = positive(name, "length_scale", length_scale)
    scale = positive(name, "scale", scale)
    noise = positive(name, "noise", noise, or_zero=True)
    low, high = interval(name, "domain", domain)

    def values(rng: np.random.Generator) -> Examples:
        x = rng.uniform(low, high, (total, dimensions))
        squared = ((x[:, None] - x[None]) ** 2).sum(axis=2)
        kernel = scale**2 * np.exp(-squared / (2.0 * length**2))
        # Near points make K singular to rounding; 1e-6 of its scale keeps a root.
        variance = noise**2 + 1e-6 * scale**2
        root = np.linalg.cholesky(kernel + variance * np.eye(total))
        return x, root @ rng.standard_normal(total)

    return [_split(*values(rng), shots) for rng in streams(name, num_tasks, seed)]


@with_known_keywords
def generate_gaussian_mixture_tasks(
    num_tasks: int,
    num_classes: int = 5,
    num_samples_per_class: int = 10,
    input_dim: int = 2,
    *,
    components: int = 2,
    separation: float = 3.0,
    num_queries: int | None = None,
    seed: int | None = None,
) -> list[Task]:
    """Classes that are mixtures of Gaussians: an example of class c is μ_ck + ε, where
    k is one of its `components`, each as likely, μ_ck ~ N(0, separation² I) for each
    task anew, and ε ~ N(0, I).

    With several components the mean of a class says little: it lies between them.

    Args:
        num_tasks: how many tasks.
        num_classes: classes in a task.
        num_samples_per_class: examples of a class in the support set, and in the query
            set unless `num_queries` is given.
        input_dim: the number of coordinates of x.
        components: Gaussians that make a class.
        separation: standard deviation of their centres.
        num_queries: examples of a class in the query set.
        seed: as of `generate_regression_tasks`.

    Returns:
        Tasks of x [n, input_dim] and one-hot y [n, num_classes], float32, class after
        class.

    Raises InvalidArgumentError for sizes below 1, fewer than two classes and a
    separation that is not above 0.

    >>> tasks = generate_gaussian_mixture_tasks(3, 4, 5, seed=0)
    >>> tasks[0].support_x.shape, tasks[0].support_y.shape
    ((20, 2), (20, 4))
    """
    name = "generate_gaussian_mixture_tasks"
    classes = whole(name, "num_classes", num_classes, 2)
    shots = whole(name, "num_samples_per_class", num_samples_per_class, 1)
    queries = query_count(name, num_queries, shots)
    dimensions = whole(name, "input_dim", input_dim, 1)
    parts = whole(name, "components", components, 1)
    separation = positive(name, "separation", separation)

    def task(rng: np.random.Generator) -> Task:
        centres = separation * rng.standard_normal((classes, parts, dimensions))
        total = (classes, shots + queries)
        which = rng.integers(parts, size=total)
        drawn = centres[np.arange(classes)[:, None], which]
        noisy = drawn + rng.standard_normal((*total, dimensions))
        x: Floats = noisy.astype(np.float32)
        y = np.eye(classes, dtype=np.float32)
        return stacked_task(
            x[:, :shots].reshape(-1, dimensions),
            y.repeat(shots, axis=0),
            x[:, shots:].reshape(-1, dimensions),
            y.repeat(queries, axis=0),
        )

    return [task(rng) for rng in streams(name, num_tasks, seed)]


def _split(x: NDArray[np.float64], y: NDArray[np.float64], shots: int) -> Task:
    """Examples x [n] or [n, d] and y [n]: the first `shots` are the support set."""
    inputs = x.reshape(len(x), -1).astype(np.float32)
    targets = y.reshape(-1, 1).astype(np.float32)
    return stacked_task(
        inputs[:shots], targets[:shots], inputs[shots:], targets[shots:]
    )
