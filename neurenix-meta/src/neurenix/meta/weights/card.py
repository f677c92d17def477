"""Cards: what is known of shipped weights, as JSON beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Score:
    """The mean accuracy over test tasks, in per cent.

    data          what the test tasks are drawn from
    ways, shots   of a task
    accuracy      mean over the tasks
    interval      half the 95 % interval of that mean, 1.96 σ / √tasks
    tasks         how many
    steps         of adaptation; 0 where a method takes none
    transductive  whether a prediction depends on the other queries of its task
    """

    data: str
    ways: int
    shots: int
    accuracy: float
    interval: float
    tasks: int
    steps: int
    transductive: bool

    def __str__(self) -> str:
        how = "transductive" if self.transductive else "non-transductive"
        return (
            f"{self.data}, {self.ways}-way {self.shots}-shot: "
            f"{self.accuracy:.2f} ± {self.interval:.2f} % ({how}, {self.tasks} tasks)"
        )


@dataclass(frozen=True)
class Card:
    """What is known of shipped weights.

    name        what `pretrained` takes
    recipe      what it was trained by, with its source and how it differs from that
    network     what it is
    data        what it was trained on, and the split
    scores      accuracies on test classes, which training never saw
    batch_norm  the mode of the network's batch norm
    selected    how the weights were chosen, and the accuracy in validation, in per cent
    licence     of the weights, and of the data
    command     what makes the weights again, and these figures
    neurenix    the version that made them
    date        when
    sha256      of the file of weights
    """

    name: str
    recipe: str
    source: str
    differences: tuple[str, ...]
    network: str
    parameters: int
    data: str
    scores: tuple[Score, ...]
    batch_norm: str
    meta_steps: int
    tasks_per_batch: int
    seed: int
    selected: str
    validation_accuracy: float
    licence: str
    command: str
    neurenix: str
    date: str
    sha256: str

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.name}: {self.recipe} ({self.source})",
                f"network     {self.network}, {self.parameters:,} parameters, batch "
                f"norm {self.batch_norm}",
                f"data        {self.data}",
                f"training    {self.meta_steps:,} meta-steps of {self.tasks_per_batch} "
                f"tasks, seed {self.seed}; {self.selected}, "
                f"{self.validation_accuracy:.2f} % in validation",
                *(f"accuracy    {score}" for score in self.scores),
                f"licence     {self.licence}",
                f"made by     {self.command} (Neurenix {self.neurenix}, {self.date})",
            ]
        )

    def to_json(self) -> dict[str, Any]:
        """Its content by name."""
        return asdict(self)

    @staticmethod
    def of_json(content: Mapping[str, Any]) -> Card:
        """The card of this content."""
        plain = dict(content)
        plain["differences"] = tuple(plain["differences"])
        plain["scores"] = tuple(Score(**score) for score in plain["scores"])
        return Card(**plain)
