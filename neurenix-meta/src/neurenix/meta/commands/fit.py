"""`neurenix fit`: from a folder of a few labelled images to a classifier's file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Optional

import typer

from neurenix.errors import CommandLineError
from neurenix.keywords import alike

from ..classification.classifier import Classifier
from ..classification.reading import UNREADABLE
from ..datasets.base import MissingDataError
from ..datasets.preprocess import FITS, Preprocess
from ..learner import MetaLearner
from ..weights.pretrained import pretrained, pretrained_names
from .choices import naming_the_flag, one_of
from .output import note, print_json, print_table
from .runs import Run, preprocess, use_device


def fit(
    folder: Annotated[
        Path, typer.Argument(help="A folder with one folder of images a class.")
    ],
    embedding: Annotated[
        str,
        typer.Option(
            help="The folder of a run, or trained weights by name: "
            f"{', '.join(pretrained_names())}; those of maml know 5 classes at most."
        ),
    ] = "run",
    out: Annotated[Path, typer.Option(help="The classifier's file.")] = Path(
        "classifier.safetensors"
    ),
    square: Annotated[
        Optional[str],  # noqa: UP045  Typer reads it at run time
        typer.Option(
            help=f"How an image becomes a square: {', '.join(FITS)} (default: as the "
            "run's images did; crop for named data sets)."
        ),
    ] = None,
    calibrate: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            metavar="RATE",
            help="Answer 'none of these' to what is unlike all classes, and wrongly so "
            "to this share of their images, like 0.05.",
        ),
    ] = None,
    unreadable: Annotated[
        str, typer.Option(help="Images that cannot be read: refuse or skip.")
    ] = "refuse",
    device: Annotated[str, typer.Option(help="A device, like cpu.")] = "",
    json: Annotated[bool, typer.Option("--json", help="For programs to read.")] = False,
) -> None:
    """Make a classifier of a few labelled images of each class, without training.

    The file holds all that prediction needs: weights, preprocessing, classes and what
    was learned of the examples.

    Examples:
        neurenix fit signs --out signs.safetensors
        neurenix fit signs --embedding run --square pad --calibrate 0.1
        neurenix fit signs --embedding conv4-omniglot-protonet --out drawn.safetensors
    """
    chosen = None if square is None else one_of("--square", square, FITS)
    one_of("--unreadable", unreadable, UNREADABLE)
    if not folder.is_dir():
        raise MissingDataError(f"there is no folder {folder}")
    use_device(device)
    learner, prepared = _embedding(embedding, chosen)
    classifier = Classifier(learner, prepared, unreadable=unreadable)
    with naming_the_flag():
        classifier.fit(folder)
    if calibrate is not None:
        classifier.calibrate(calibrate)
    classifier.save(out)
    if json:
        print_json(
            {
                "file": str(out),
                "classes": classifier.counts_,
                "threshold": classifier.threshold,
            }
        )
        return
    print_table(["class", "images"], classifier.counts_.items())
    note(f"wrote {out}; neurenix predict {out} IMAGE")


def _embedding(name: str, square: str | None) -> tuple[MetaLearner, Preprocess]:
    """The learner of a run or of weights by name, and how its images are prepared."""
    if name in pretrained_names():
        found = pretrained(name)
        known = found.preprocess
        return found.learner, known if square is None else replace(known, fit=square)
    if not Path(name).is_dir():
        near = alike(name, pretrained_names())
        meant = f"did you mean {' or '.join(near)}? " if near else ""
        raise CommandLineError(
            f"--embedding {name}: {meant}Neither a run's folder nor one of "
            f"{', '.join(pretrained_names())}"
        )
    learner, settings = Run(Path(name)).trained()
    return learner, preprocess(settings, square)
