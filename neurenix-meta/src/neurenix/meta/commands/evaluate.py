"""`neurenix evaluate`: the score of a run on test tasks, or of a classifier."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from neurenix.errors import CommandLineError

from ..classification.loading import load
from ..classification.reading import UNREADABLE
from ..evaluation.result import Evaluation
from ..tasks.sampler import TaskSampler
from .choices import naming_the_flag, one_of
from .data import images_of, part_of
from .output import print_json, print_table
from .runs import Run, use_device


def evaluate(
    target: Annotated[
        Path, typer.Argument(help="The folder of a run, or a classifier's file.")
    ],
    data: Annotated[
        Optional[str],  # noqa: UP045  Typer reads it at run time
        typer.Option(
            help="Other data than the run's test classes; for a classifier a folder of "
            "labelled images, one folder a class."
        ),
    ] = None,
    ways: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=2, help="Classes of a task (default: the run's)."),
    ] = None,
    shots: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, help="Support examples (default: the run's)."),
    ] = None,
    queries: Annotated[
        int, typer.Option(min=1, help="Query examples of a class.")
    ] = 15,
    tasks: Annotated[int, typer.Option(min=1, help="How many tasks.")] = 600,
    steps: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=0, help="Steps of adaptation (default: as in training)."),
    ] = None,
    unreadable: Annotated[
        str, typer.Option(help="Images that cannot be read: refuse or skip.")
    ] = "refuse",
    seed: Annotated[int, typer.Option(min=0, help="Of the tasks.")] = 0,
    device: Annotated[str, typer.Option(help="A device, like cpu.")] = "",
    json: Annotated[bool, typer.Option("--json", help="For programs to read.")] = False,
) -> None:
    """Score a learner on tasks of new classes, or a classifier on labelled images.

    Of a run: accuracy over test tasks with its 95 % interval, and after each step of
    adaptation. The classes are the data set's test part, or those of --data.

    Examples:
        neurenix evaluate run --tasks 50
        neurenix evaluate run --shots 5 --tasks 50 --json
        neurenix evaluate signs.safetensors --data signs
    """
    one_of("--unreadable", unreadable, UNREADABLE)
    use_device(device)
    if target.is_file():
        _classifier(target, data, unreadable, json)
        return
    learner, settings = Run(target).trained()
    images = images_of(settings.data, settings.images)._replace(unreadable=unreadable)
    with naming_the_flag():
        known = part_of(data or settings.data, "test", images)
        if known is None and data:  # a folder of classes without parts
            known = part_of(data, "train", images)
    if known is None:
        raise CommandLineError(
            f"{settings.data} has no test classes: --data names a folder of them"
        )
    episode = replace(
        settings, ways=ways or settings.ways, shots=shots or settings.shots
    )
    sampler = TaskSampler(
        known, episode.ways, episode.shots, queries, seed=seed, tasks=tasks
    )
    result = learner.evaluate(sampler, steps)
    if json:
        print_json({"ways": episode.ways, "shots": episode.shots, **as_json(result)})
        return
    typer.echo(f"{episode.ways}-way {episode.shots}-shot, {known.name}: {result}")
    if result.steps:
        typer.echo(result.summary())


def as_json(result: Evaluation) -> dict[str, Any]:
    """What an evaluation found, by name."""
    return {
        "tasks": result.tasks,
        "diverged": result.diverged,
        "batch_norm": result.batch_norm,
        "transductive": result.transductive,
        "scores": {
            name: {
                "mean": result.mean(name),
                "interval": result.interval(name),
                "curve": result.curve(name),
            }
            for name in result.scores
        },
    }


def _classifier(file: Path, data: str | None, unreadable: str, json: bool) -> None:
    if data is None:
        raise CommandLineError(
            f"{file} is a classifier: --data names a folder of labelled images, one "
            "folder a class"
        )
    classifier = load(file)
    classifier.unreadable = unreadable
    with naming_the_flag():
        scores = classifier.evaluate(data)
    if json:
        print_json(asdict(scores))
        return
    typer.echo(scores)
    print_table(
        ["class", "accuracy"], [[k, f"{v:.2%}"] for k, v in scores.by_class.items()]
    )
