"""The rows of docs/results.md: which recipe, how long, tested on what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from neurenix.meta import (
    Evaluation,
    TaskSampler,
    generate_regression_tasks,
    recipes,
)

Scores = dict[str, Any]


@cache
def characters(rotated: tuple[str, ...]) -> Mapping[str, Any]:
    return recipes.omniglot(rotated=rotated)


@dataclass(frozen=True)
class Training:
    """A recipe and what is changed in it; several rows may share one."""

    name: str
    make: Callable[..., recipes.Recipe]
    meta_steps: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    steps_per_call: int = 1
    rotated: tuple[str, ...] = ()  # splits of Omniglot

    def recipe(self, seed: int) -> recipes.Recipe:
        more = dict(self.settings)
        if self.rotated:
            more["data"] = characters(self.rotated)
        return self.make(seed=seed, meta_steps=self.meta_steps, **more)


@dataclass(frozen=True)
class Accuracy:
    """A row of one training: the share of right answers on test tasks."""

    name: str
    training: Training
    ways: int
    shots: int
    seeds: tuple[int, ...] = (0,)
    goal: float | None = None
    title: str | None = None
    paper: float | None = None

    def published(self, recipe: recipes.Recipe) -> Scores:
        return {"accuracy": self.paper} if self.paper else dict(recipe.published)

    def scores(self, recipe: recipes.Recipe, seed: int) -> Scores:
        tasks = recipe.test_tasks
        if (tasks.ways, tasks.shots) != (self.ways, self.shots):
            tasks = TaskSampler(
                tasks.dataset,
                self.ways,
                self.shots,
                tasks.queries,
                seed=seed,
                tasks=tasks.tasks,
            )
        result = recipe.test(tasks, transductive="both")
        found = accuracy_of(result)
        if result.beside is not None:
            found["other_mode"] = accuracy_of(result.beside)
        return found

    def together(self, found: list[Scores]) -> Scores:
        return found[0]


def accuracy_of(result: Evaluation) -> Scores:
    return {
        "accuracy": round(100 * result.accuracy, 2),
        "interval": round(100 * result.interval("accuracy"), 2),
        "median": round(100 * result.median("accuracy"), 2),
        "calibration_error": round(100 * result.calibration_error(), 2),
        "diverged": result.diverged,
        "test_tasks": result.tasks,
        "batch_norm": result.batch_norm,
        "transductive": result.transductive,
    }


@dataclass(frozen=True)
class Waves:
    """A row of several trainings: the mean squared error on sine waves after steps."""

    name: str
    training: Training
    shots: int
    score: str = "loss"
    steps: tuple[int, ...] = tuple(range(11))
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    title: str | None = None

    def published(self, recipe: recipes.Recipe) -> Scores:
        return dict(recipe.published) if self.shots == 5 else {}

    def scores(self, recipe: recipes.Recipe, seed: int) -> Scores:
        tasks = recipe.test_tasks
        if self.shots != 5:
            tasks = generate_regression_tasks(
                len(tasks), self.shots, num_queries=10, seed=2 * seed + 1
            )
        result = recipe.test(tasks)
        steps = self.steps if result.steps else (0,)
        return {
            "test_tasks": result.tasks,
            **{str(step): result.scores[self.score][:, step] for step in steps},
        }

    def together(self, found: list[Scores]) -> Scores:
        """Over the tasks of all seeds; nothing is dropped: a mean may be huge."""
        errors = {}
        for name in found[0]:
            if name == "test_tasks":
                continue
            values = np.concatenate([scores[name] for scores in found])
            values = np.where(np.isnan(values), np.inf, values)  # a task that blew up
            errors[name] = {
                "mean": rounded(values.mean()),
                "median": rounded(np.median(values)),
                "of each seed": [rounded(s[name].mean()) for s in found],
                # a prediction of 0 for everything has an error near 3
                "above 10": float(f"{100 * (~(values <= 10)).mean():.3g}"),
            }
        return {"errors": errors, "test_tasks": found[0]["test_tasks"]}


def rounded(value: float) -> float | str:
    """To four digits; JSON has no number for what is not finite."""
    return float(f"{value:.4g}") if np.isfinite(value) else str(value)


ALL = ("train", "validation", "test")
PROTOTYPES_1 = Training(
    "prototypical-1shot",
    recipes.prototypical_networks_omniglot,
    4000,
    {"ways": 20, "shots": 1, "decay": "cosine"},
    rotated=ALL,
)
PROTOTYPES_5 = Training(
    "prototypical-5shot",
    recipes.prototypical_networks_omniglot,
    2500,
    {"ways": 20, "shots": 5, "decay": "cosine"},
    rotated=ALL,
)
SINE = Training("maml-sine", recipes.maml_sine, 70_000, steps_per_call=100)
# The norm was chosen among 20 to 300 on tasks of other seeds.
SINE_CLIPPED = Training(
    "maml-sine-clipped",
    recipes.maml_sine,
    70_000,
    {"inner_clip_norm": 60.0},
    steps_per_call=100,
)
LINEAR = {"weight_deviation": None}
SINE_LINEAR = Training(
    "maml-sine-linear", recipes.maml_sine, 70_000, LINEAR, steps_per_call=100
)
SINE_LINEAR_CLIPPED = Training(
    "maml-sine-linear-clipped",
    recipes.maml_sine,
    70_000,
    {**LINEAR, "inner_clip_norm": 60.0},
    steps_per_call=100,
)
SINE_SLOW = Training(
    "maml-sine-slow", recipes.maml_sine, 70_000, {"inner_lr": 0.001}, 100
)
NEURAL_PROCESS = Training(
    "neural-process-sine",
    recipes.conditional_neural_process_sine,
    70_000,
    steps_per_call=100,
)


def one_shot(
    name: str,
    make: Callable[..., recipes.Recipe],
    meta_steps: int,
    goal: float | None = None,
    rotated: tuple[str, ...] = ALL,
    **settings: Any,
) -> Accuracy:
    """5-way 1-shot of one method."""
    training = Training(
        f"{name}-5way-1shot", make, meta_steps, settings, rotated=rotated
    )
    return Accuracy(training.name, training, 5, 1, goal=goal)


PLAIN = "MAML, sine waves, "
CLIPPED = "MAML, inner gradient's norm ≤ 60, sine waves, "
AS_LINEAR = "MAML, weights as of nn.Linear, "
AS_LINEAR_CLIPPED = AS_LINEAR + "inner gradient's norm ≤ 60, sine waves, "
PROTOTYPES = "Prototypical Networks, Omniglot, "
ROWS = {
    row.name: row
    for row in (
        Accuracy(
            "prototypical-5way-1shot", PROTOTYPES_1, 5, 1,
            goal=98.4, title=PROTOTYPES + "5-way 1-shot", paper=98.8,
        ),
        Accuracy("prototypical-20way-1shot", PROTOTYPES_1, 20, 1, goal=94.5),
        Accuracy(
            "prototypical-5way-5shot", PROTOTYPES_5, 5, 5,
            goal=99.5, title=PROTOTYPES + "5-way 5-shot", paper=99.7,
        ),
        Accuracy("prototypical-20way-5shot", PROTOTYPES_5, 20, 5, goal=98.4),
        one_shot("maml", recipes.maml_omniglot, 12_000, 97.5),
        one_shot("fomaml", recipes.maml_omniglot, 15_000, first_order=True),
        one_shot("anil", recipes.anil_omniglot, 20_000),
        one_shot("meta-sgd", recipes.meta_sgd_omniglot, 8_000),
        one_shot("maml-plus-plus", recipes.maml_plus_plus_omniglot, 6_000),
        one_shot("imaml", recipes.imaml_omniglot, 5_000),
        one_shot("reptile", recipes.reptile_omniglot, 30_000, rotated=("train",)),
        one_shot("r2d2", recipes.r2d2_omniglot, 6_000),
        Waves("sine-maml-5shot", SINE, 5),
        Waves("sine-maml-clipped-5shot", SINE_CLIPPED, 5, title=CLIPPED + "5-shot"),
        Waves("sine-maml-10shot", SINE, 10, title=PLAIN + "10-shot"),
        Waves("sine-maml-clipped-10shot", SINE_CLIPPED, 10, title=CLIPPED + "10-shot"),
        Waves("sine-maml-20shot", SINE, 20, title=PLAIN + "20-shot"),
        Waves("sine-maml-clipped-20shot", SINE_CLIPPED, 20, title=CLIPPED + "20-shot"),
        Waves(
            "sine-maml-linear-5shot", SINE_LINEAR, 5,
            title=AS_LINEAR + "sine waves, 5-shot",
        ),
        *(
            Waves(
                f"sine-maml-linear-clipped-{shots}shot", SINE_LINEAR_CLIPPED, shots,
                title=f"{AS_LINEAR_CLIPPED}{shots}-shot",
            )
            for shots in (5, 10, 20)
        ),
        Waves(
            "sine-maml-slow-5shot", SINE_SLOW, 5,
            title="MAML, inner rate 0.001, sine waves, 5-shot",
        ),
        Waves("sine-neural-process-5shot", NEURAL_PROCESS, 5, score="mse"),
        Waves(
            "sine-neural-process-10shot", NEURAL_PROCESS, 10, score="mse",
            title="Conditional Neural Process, sine waves, 10-shot",
        ),
    )
}  # fmt: skip
