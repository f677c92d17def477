"""Tasks: where they come from, how they are read, and how they reach a device."""

from .families import (
    generate_gaussian_mixture_tasks,
    generate_gaussian_process_tasks,
    generate_harmonic_tasks,
    generate_sine_mixture_tasks,
)
from .sampler import TaskSampler
from .task import Task, generate_classification_tasks, generate_regression_tasks

__all__ = [
    "Task",
    "TaskSampler",
    "generate_classification_tasks",
    "generate_gaussian_mixture_tasks",
    "generate_gaussian_process_tasks",
    "generate_harmonic_tasks",
    "generate_regression_tasks",
    "generate_sine_mixture_tasks",
]
