"""`neurenix train`: meta-trains a learner, from flags or a configuration file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from neurenix.errors import CommandLineError

from ..learner import MetaLearner
from ..tasks.sampler import TaskSampler
from ..training.csv_logger import CSVLogger
from ..training.events import Callback, Event, Learner
from ..training.history import History
from ..training.selection import KeepBest
from ..training.stopping import EarlyStopping
from ..training.tensorboard_logger import TensorBoardLogger
from . import config_files
from .choices import naming_the_flag
from .data import images_of, lasting
from .flags import with_settings
from .interruption import Interruption
from .output import note, print_json
from .runs import Run, learner_of, samplers, use_device
from .settings import Settings

SCORE = "validation_accuracy"


class Started(Callback):
    """Writes a run's settings once its first epoch begins: what is refused before, such
    as a checkpoint of other settings, leaves the folder as it was."""

    def __init__(self, run: Run, settings: Settings) -> None:
        self.run, self.settings = run, settings
        self.written = False

    def on_epoch_start(self, learner: Learner, event: Event) -> None:
        if not self.written:
            config_files.write(self.run.config, self.settings)
            self.run.learner.unlink(missing_ok=True)  # it is done no more
            self.written = True


@with_settings
def train(
    given: dict[str, Any],
    out: Annotated[Path, typer.Option(help="A new folder for the run.")] = Path("run"),
    config: Annotated[
        Optional[Path],  # noqa: UP045  Typer reads it at run time
        typer.Option(help="A file of settings; flags win over it."),
    ] = None,
    save_config: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Write the settings to a file, and do not train."),
    ] = None,
    resume: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Go on with this run, to the same bits; --steps: longer."),
    ] = None,
    progress: Annotated[
        bool, typer.Option(help="A bar, or lines in a log file.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="For programs to read.")] = False,
) -> None:
    """Meta-train a learner on few-shot tasks.

    Makes a folder, the run: config.toml (all settings), checkpoints/, history.csv and
    learner.safetensors, which has the weights of the best validation. Ctrl-C ends it
    after the step under way, with a checkpoint, and says how to go on.

    Methods: prototypical-networks, matching-networks, r2d2; by gradient steps maml,
    fomaml, anil, boil, meta-sgd, proto-maml, maml++, imaml, reptile.

    Data: glyphs (drawn by a generator), omniglot, mini-imagenet, cub-200, cifar-fs,
    fc100 (in the folder that NEURENIX_DATA names), or a folder of images.

    Networks: conv4, resnet12.

    Examples:
        neurenix train --steps 40 --every 20 --hidden 8
        neurenix train --method maml -o inner_lr=0.4 --steps 20 --hidden 8 --out maml
        neurenix train --ways 10 --shots 5 --save-config train.toml
        neurenix train --config train.toml --steps 20 --hidden 8 --out ten-ways
        neurenix train --resume run --steps 60
    """
    if resume is not None:
        if config is not None:
            raise CommandLineError("--resume and --config: a run has its settings")
        run = Run(resume)
        before = run.settings().by_name
    else:
        run = Run(out)
        before = {} if config is None else config_files.read(config)
    settings = Settings(**config_files.merged(before, given))
    if save_config is not None:
        config_files.write(save_config, settings)
        note(f"wrote {save_config}; neurenix train --config {save_config} takes it")
        return
    if resume is None and run.config.exists():
        raise CommandLineError(
            f"{run.folder} holds a run already: --resume {run.folder} goes on with it, "
            "--out names another folder"
        )
    images = images_of(settings.data, settings.images)
    settings = replace(
        settings,
        size=images.size,
        channels=images.channels,
        data=lasting(settings.data),
        validation_data=lasting(settings.validation_data),
    )
    history, stop = _trained(run, settings, progress)
    if json:
        print_json(
            {
                "run": str(run.folder),
                "learner": None if stop.asked else str(run.learner),
                "steps": stop.steps,
                "interrupted": stop.asked,
                "history": dict(history),
            }
        )
    if stop.asked:
        note(
            f"stopped after {stop.steps} meta-steps; a checkpoint is in "
            f"{run.checkpoints}. To go on:\n  neurenix train --resume {run.folder}"
        )
        raise typer.Exit(130)
    if not json:
        typer.echo(history)
        note(f"the learner is in {run.learner}; neurenix evaluate {run.folder}")


def _trained(
    run: Run, settings: Settings, progress: bool
) -> tuple[History, Interruption]:
    """Trains and saves the learner; what a Ctrl-C ended is not saved as done."""
    use_device(settings.device)
    with naming_the_flag():
        tasks, validation = samplers(settings)
    learner = learner_of(settings)
    best = None if validation is None else KeepBest(run.best, SCORE)
    callbacks = _callbacks(run, settings, best)
    stop = Interruption()
    callbacks = [Started(run, settings), *callbacks, stop]
    with stop.listening():
        history = _meta_learn(
            run, settings, learner, tasks, validation, callbacks, progress
        )
    if not stop.asked:
        if run.best.is_file():
            learner.load(run.best)
        learner.save(run.learner)
    return history, stop


def _callbacks(run: Run, settings: Settings, best: KeepBest | None) -> list[Callback]:
    found: list[Callback] = [CSVLogger(run.history)]
    if best is not None:
        found.append(best)
        if settings.patience:
            found.append(EarlyStopping(SCORE, settings.patience))
    elif settings.patience:
        raise CommandLineError(
            f"patience={settings.patience}: there are no classes to validate on; name "
            "some with --validation-data"
        )
    if settings.tensorboard:
        found.append(TensorBoardLogger(run.tensorboard))
    return found


def _meta_learn(
    run: Run,
    settings: Settings,
    learner: MetaLearner,
    tasks: TaskSampler,
    validation: TaskSampler | None,
    callbacks: list[Callback],
    progress: bool,
) -> History:
    epoch = min(settings.every, settings.steps)
    return learner.meta_learn(
        tasks,
        epochs=-(-settings.steps // epoch),
        steps_per_epoch=epoch,
        tasks_per_batch=settings.tasks_per_batch,
        validation=validation,
        callbacks=callbacks,
        progress=progress,
        max_memory=settings.memory,
        checkpoint=run.checkpoints,
    )
