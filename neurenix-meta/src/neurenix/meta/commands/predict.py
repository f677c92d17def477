"""`neurenix predict`: the classes of images, with confidences."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple, Optional

import numpy as np
import typer

from neurenix.errors import CommandLineError
from neurenix.io import write_atomically

from ..classification.classifier import Classifier
from ..classification.examples import Label, list_images
from ..classification.loading import load
from ..classification.probabilities import softmax
from ..classification.reading import UNREADABLE
from ..classification.rejection import known
from .choices import naming_the_flag, one_of
from .output import print_json, print_table
from .runs import use_device


class Prediction(NamedTuple):
    """Of a file: its state ("known", "none" of the classes, "unreadable"), and the
    likeliest classes with their probabilities."""

    file: Path
    state: str
    likeliest: list[tuple[Label, float]]


def predict(
    classifier: Annotated[Path, typer.Argument(help="The classifier's file.")],
    images: Annotated[
        list[Path], typer.Argument(help="Image files, or folders of them.")
    ],
    top: Annotated[int, typer.Option(min=1, help="The likeliest so many classes.")] = 1,
    csv_file: Annotated[
        Optional[Path],  # noqa: UP045  Typer reads it at run time
        typer.Option("--csv", help="Write a CSV file; -: to standard output."),
    ] = None,
    unreadable: Annotated[
        str, typer.Option(help="Images that cannot be read: refuse or skip.")
    ] = "refuse",
    device: Annotated[str, typer.Option(help="A device, like cpu.")] = "",
    json: Annotated[bool, typer.Option("--json", help="For programs to read.")] = False,
) -> None:
    """Say of images which class they are of, and how sure that is.

    A confidence is the class's probability, given that the image is of one of the
    classes. Where the classifier was calibrated, an image that is unlike all of them is
    "none of these".

    Examples:
        neurenix predict signs.safetensors new
        neurenix predict signs.safetensors new/dot-3.png new/bar-3.png --top 2
        neurenix predict signs.safetensors new --csv predictions.csv
    """
    one_of("--unreadable", unreadable, UNREADABLE)
    use_device(device)
    files = _files(images)
    loaded = load(classifier)
    loaded.unreadable = unreadable
    count = min(top, len(loaded.classes_))
    with naming_the_flag():
        found = _predictions(loaded, files, count)
    if csv_file is not None:
        _write(csv_file, found, count)
    elif json:
        print_json([_as_json(prediction) for prediction in found])
    else:
        heads = ["class", "confidence"] * count
        print_table(["file", *heads], [_cells(prediction) for prediction in found])


def _files(given: Sequence[Path]) -> list[Path]:
    """The images, those of folders too; CommandLineError for what is not there."""
    found: list[Path] = []
    for path in given:
        if not path.exists():
            raise CommandLineError(f"there is no file or folder {path}")
        found += list_images(path) if path.is_dir() else [path]
    if not found:
        raise CommandLineError(f"no images in {', '.join(map(str, given))}")
    return found


def _predictions(
    classifier: Classifier, files: Sequence[Path], count: int
) -> list[Prediction]:
    logits = classifier.logits(files)
    probabilities = softmax(logits, classifier.scale_)
    threshold = classifier.threshold
    found = []
    for file, row, score in zip(files, probabilities, known(logits)):
        if np.isnan(row).any():
            found.append(Prediction(file, "unreadable", []))
            continue
        order = np.argsort(-row, kind="stable")[:count].tolist()
        likeliest = [(classifier.classes_[k], float(row[k])) for k in order]
        none = threshold is not None and score < threshold
        found.append(Prediction(file, "none" if none else "known", likeliest))
    return found


def _cells(prediction: Prediction) -> list[str]:
    """A row of the table."""
    if prediction.state == "unreadable":
        return [str(prediction.file), "(unreadable)"]
    cells = [part for k, p in prediction.likeliest for part in (str(k), f"{p:.1%}")]
    if prediction.state == "none":
        cells[0] = f"(none of these; {cells[0]})"
    return [str(prediction.file), *cells]


def _as_json(prediction: Prediction) -> dict[str, object]:
    is_known = prediction.state == "known"
    return {
        "file": str(prediction.file),
        "state": prediction.state,
        "class": prediction.likeliest[0][0] if is_known else None,
        "likeliest": [{"class": k, "confidence": p} for k, p in prediction.likeliest],
    }


def _write(path: Path, found: Sequence[Prediction], count: int) -> None:
    """A CSV file: file, state, and class and confidence of the likeliest ones."""
    numbers = [""] + [f"_{i}" for i in range(2, count + 1)]
    head = [f"{name}{i}" for i in numbers for name in ("class", "confidence")]
    text = _Lines()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "state", *head])
    for prediction in found:
        cells = [part for pair in prediction.likeliest for part in pair]
        cells += [""] * (len(head) - len(cells))
        writer.writerow([prediction.file, prediction.state, *cells])
    if str(path) == "-":
        sys.stdout.write(text.joined())
    else:
        write_atomically(path, text.joined().encode("utf-8", "surrogateescape"))


class _Lines(list[str]):
    """What csv writes to."""

    def write(self, text: str) -> None:
        self.append(text)

    def joined(self) -> str:
        return "".join(self)
