"""A run: a folder with the settings of a training, its checkpoints and its learner."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import neurenix as nx
from neurenix.errors import CommandLineError

from ..datasets import ClassDataset
from ..datasets.preprocess import Preprocess
from ..learner import MetaLearner
from ..tasks.sampler import TaskSampler
from . import config_files
from .data import images_of, part_of, preprocess_of
from .methods import METHODS, NETWORKS
from .output import note
from .settings import Settings


class Run(NamedTuple):
    """The files of a run's folder."""

    folder: Path

    @property
    def config(self) -> Path:
        """The settings; sizes and channels of the images are in it."""
        return self.folder / "config.toml"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def best(self) -> Path:
        """The learner of the best validation so far, if there is one."""
        return self.folder / "best.safetensors"

    @property
    def learner(self) -> Path:
        """The learner, once training is done."""
        return self.folder / "learner.safetensors"

    @property
    def history(self) -> Path:
        return self.folder / "history.csv"

    @property
    def tensorboard(self) -> Path:
        return self.folder / "tensorboard"

    def settings(self) -> Settings:
        """What it was trained with; CommandLineError where this is no run."""
        if not self.config.is_file():
            raise CommandLineError(
                f"{self.folder} is no run: there is no {self.config.name} in it; "
                f"neurenix train --out {self.folder} makes one"
            )
        return Settings(**config_files.read(self.config))

    def trained(self) -> tuple[MetaLearner, Settings]:
        """The learner with its best weights, or with the newest checkpoint's while
        training is not done."""
        settings = self.settings()
        learner = learner_of(settings)
        found = next((f for f in (self.learner, self.best) if f.is_file()), None)
        if found is None and not self.checkpoints.is_dir():
            raise CommandLineError(
                f"{self.folder} has nothing trained yet: neurenix train --resume "
                f"{self.folder}"
            )
        if found != self.learner:
            note(
                f"neurenix: training of {self.folder} is not done; this is the "
                + ("newest checkpoint" if found is None else "best so far")
            )
        learner.load(self.checkpoints if found is None else found)
        return learner, settings


def learner_of(settings: Settings) -> MetaLearner:
    """The learner, not yet trained; its weights are those of the seed."""
    row = METHODS[settings.method]
    nx.manual_seed(settings.seed)
    make = NETWORKS[settings.network]
    ways = settings.ways if row.scores else None
    model = make(settings.channels, settings.hidden, ways)
    return row.method(
        model, meta_lr=settings.meta_lr, **{**row.options, **settings.options}
    )


def use_device(device: str) -> None:
    """Takes this device, or the best one."""
    if device:
        nx.init({"device": device})


def training_data(settings: Settings) -> tuple[ClassDataset, ClassDataset | None]:
    """The classes to train on, and those to validate on if there are any."""
    images = images_of(settings.data, settings.images)
    train = part_of(settings.data, "train", images)
    assert train is not None
    if settings.validation_tasks == 0:
        return train, None
    if settings.validation_data:
        return train, part_of(settings.validation_data, "train", images)
    return train, part_of(settings.data, "validation", images)


def samplers(
    settings: Settings,
) -> tuple[TaskSampler, TaskSampler | None]:
    """Endless training tasks, and the validation's."""
    train, validation = training_data(settings)
    episode = (settings.ways, settings.shots, settings.queries)
    tasks = TaskSampler(train, *episode, seed=settings.seed)
    if validation is None:
        return tasks, None
    count = settings.validation_tasks
    return tasks, TaskSampler(validation, *episode, seed=settings.seed + 1, tasks=count)


def preprocess(settings: Settings, fit: str | None = None) -> Preprocess:
    """How images are prepared for the learner of a run."""
    images = images_of(settings.data, settings.images)
    return preprocess_of(settings.data, images, fit)
