"""`neurenix reproduce`: trains and tests a recipe, and holds it against the paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

import neurenix as nx
from neurenix.errors import CommandLineError

from ..recipes import Recipe
from ..training.csv_logger import CSVLogger
from ..training.events import Callback
from ..training.selection import KeepBest
from .choices import one_of
from .config_files import option
from .evaluate import as_json
from .interruption import Interruption
from .output import note, print_json
from .recipes import RECIPES
from .runs import Run, use_device
from .train import SCORE


def reproduce(
    name: Annotated[str, typer.Argument(help="One of `neurenix recipes`.")],
    options: Annotated[
        Optional[list[str]],  # noqa: UP045  Typer reads it at run time
        typer.Option(
            "--option",
            "-o",
            metavar="NAME=VALUE",
            help="An argument of the recipe, like ways=20. May be given several times.",
        ),
    ] = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="A folder (default: the recipe's name). If it has "
            "checkpoints of the same recipe, training goes on."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of weights and tasks.")] = 0,
    device: Annotated[str, typer.Option(help="A device, like cpu.")] = "",
    progress: Annotated[
        bool, typer.Option(help="A bar, or lines in a log file.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="For programs to read.")] = False,
) -> None:
    """Train a published setting, test it, and show the paper's figure beside.

    Weights are those of the best validation, where the recipe has one; the test tasks
    are looked at once. Ctrl-C leaves a checkpoint: the same command goes on from it.

    Examples:
        neurenix reproduce maml-sine -o meta_steps=40 -o pool=100 -o test_tasks=50
    """
    one_of("recipe", name, RECIPES)
    use_device(device)
    nx.manual_seed(seed)
    recipe = _recipe(name, dict(option(text) for text in options or []), seed)
    run = Run(out or Path(name))
    stop, selected = _train(recipe, run, progress)
    if stop.asked:
        note(
            f"stopped after {stop.steps} meta-steps; a checkpoint is in "
            f"{run.checkpoints}. The same command goes on from it"
        )
        raise typer.Exit(130)
    result = recipe.test()
    if json:
        print_json(
            {
                "recipe": recipe.name,
                "source": recipe.source,
                "differences": recipe.differences,
                "epoch": selected,
                "published": recipe.published,
                **as_json(result),
            }
        )
        return
    typer.echo(recipe)
    typer.echo(f"\nhere:  {result}")
    for figure, value in recipe.published.items():
        typer.echo(f"paper: {figure} {value}")


def _recipe(name: str, arguments: dict[str, Any], seed: int) -> Recipe:
    try:
        return RECIPES[name](**{"seed": seed, **arguments})
    except TypeError as error:  # an argument that it has not
        raise CommandLineError(
            f"{name}: {error}; see neurenix recipes {name}"
        ) from None


def _train(recipe: Recipe, run: Run, progress: bool) -> tuple[Interruption, int]:
    """Trains; the learner has the selected weights, and the epoch they are of."""
    run.folder.mkdir(parents=True, exist_ok=True)
    best = None if recipe.validation_tasks is None else KeepBest(run.best, SCORE)
    stop = Interruption()
    others: list[Callback] = [] if best is None else [best]
    callbacks = [CSVLogger(run.history), *others, stop]
    with stop.listening():
        recipe.train(checkpoint=run.checkpoints, callbacks=callbacks, progress=progress)
    if not stop.asked:
        if best is not None and run.best.is_file():
            recipe.learner.load(run.best)
        recipe.learner.save(run.learner)
    return stop, recipe.epochs if best is None else best.epoch
