"""What a recipe is: everything that a published number depends on, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from neurenix import optim

from ..evaluation.result import Evaluation
from ..learner import MetaLearner
from ..tasks.sources import Tasks
from ..training.history import History


@dataclass(frozen=True)
class Recipe:
    """A learner, its tasks and how to train it: a published setting.

    name               what it is a recipe for
    source             the paper, its section or table
    differences        in which ways it is not what the paper says, or in which the
                       paper and its authors' code are not the same; one sentence each
    learner            not yet trained
    optimizer, schedule
    train_tasks        what `meta_learn` takes
    validation_tasks   to select on; None where nothing is selected
    test_tasks         not looked at in training
    tasks_per_batch    tasks a meta-step
    epochs             of `steps_per_epoch` meta-steps, if train_tasks has no end;
                       `schedule` steps after each
    evaluation_steps   steps of adaptation in evaluation; None: as in training
    published          the paper's figures by name, in its own units

    >>> from neurenix.meta import recipes
    >>> recipe = recipes.maml_sine(meta_steps=40, pool=100, test_tasks=50)
    >>> history = recipe.train(progress=False)
    >>> recipe.test().tasks
    50
    """

    name: str
    source: str
    differences: tuple[str, ...]
    learner: MetaLearner
    optimizer: optim.Optimizer
    train_tasks: Tasks
    test_tasks: Tasks
    tasks_per_batch: int
    epochs: int
    steps_per_epoch: int | None = None
    schedule: optim.Schedule | None = None
    validation_tasks: Tasks | None = None
    evaluation_steps: int | None = None
    published: Mapping[str, float] = field(default_factory=dict)

    def train(self, **options: Any) -> History:
        """`MetaLearner.meta_learn` as the recipe says; options are further arguments
        of it (checkpoint, callbacks, progress, …) and replace the recipe's."""
        arguments = {
            "epochs": self.epochs,
            "tasks_per_batch": self.tasks_per_batch,
            "steps_per_epoch": self.steps_per_epoch,
            "schedule": self.schedule,
            "validation": self.validation_tasks,
        }
        return self.learner.meta_learn(
            self.train_tasks, self.optimizer, **{**arguments, **options}
        )

    def test(self, tasks: Tasks | None = None, **options: Any) -> Evaluation:
        """The score on the test tasks, or on others, with the recipe's steps; options
        are further arguments of `MetaLearner.evaluate`."""
        chosen = self.test_tasks if tasks is None else tasks
        return self.learner.evaluate(chosen, self.evaluation_steps, **options)

    def __str__(self) -> str:
        lines = [f"{self.name} ({self.source})"]
        lines += [f"- {difference}" for difference in self.differences]
        return "\n".join(lines)
