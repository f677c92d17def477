"""Classifier files: safetensors, with all that is no tensor as JSON; no pickle."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import neurenix as nx
from neurenix.errors import FileFormatError, NeurenixError
from neurenix.io import as_path

from ..datasets.preprocess import Preprocess
from .recogniser import Recogniser
from .stored_embedding import described
from .support import Support

_KIND = "neurenix.meta classifier"
#: Of what these files hold; a reader refuses one that is newer than itself. Format 1
#: knew one head, centroids.
FORMAT = 2
_CENTRE = "values"  # in the settings of a centre that is a vector, kept as a tensor


@dataclass(frozen=True)
class Opened:
    """A classifier file as it was read.

    settings    the keywords of `Classifier`
    embedding   what the file says of the embedding, and its tensors in `values`
    """

    file: Path
    settings: dict[str, Any]
    support: Support
    embedding: Mapping[str, Any]
    values: Mapping[str, nx.Tensor]


def write(
    path: str | os.PathLike[str],
    settings: Mapping[str, Any],
    support: Support,
    recogniser: Recogniser,
) -> None:
    """Write a classifier, made with these keywords, to a file."""
    plain, centre = dict(settings), settings["centre"]
    if isinstance(settings["preprocess"], Preprocess):
        plain["preprocess"] = settings["preprocess"].to_json()
    if isinstance(centre, np.ndarray):
        plain["centre"] = _CENTRE
    embedding, values = described(recogniser, support.shape)
    content = {
        "kind": _KIND,
        "format": FORMAT,
        "versions": {
            "neurenix": nx.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "settings": json.dumps(plain),
        "classes": list(support.classes),
        "embedding": json.dumps(embedding),
        "values": values,
        "centre": centre if isinstance(centre, np.ndarray) else None,
        "support": {
            "kept": support.kept,
            "numbers": support.numbers.astype(np.int32),
            "shape": list(support.shape),
        },
    }
    nx.save(content, as_path("save", path))


def read(path: str | os.PathLike[str]) -> Opened:
    """What a file of `write` holds.

    Raises StorageError for a file that cannot be read, FileFormatError for one that is
    damaged, is something else, or comes from a newer version.
    """
    file = as_path("load", path)
    content = _checked(file, nx.load(file))
    with naming_what_lacks(file):
        settings = json.loads(content["settings"])
        if settings["preprocess"] is not None:
            settings["preprocess"] = Preprocess.of_json(settings["preprocess"])
        if settings["centre"] == _CENTRE:
            settings["centre"] = content["centre"].numpy()
        support = Support(
            tuple(content["classes"]),
            content["support"]["kept"].numpy(),
            content["support"]["numbers"].numpy().astype(np.int64),
            tuple(content["support"]["shape"]),
        )
        embedding = json.loads(content["embedding"])
        return Opened(file, settings, support, embedding, content["values"])


@contextmanager
def naming_what_lacks(file: Path) -> Iterator[None]:
    """Whatever a file lacks, or has in another form, becomes a FileFormatError."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, NeurenixError):
            raise
        raise FileFormatError(
            f"load: {file} lacks a part of a classifier, or has another there: "
            f"{error!r}"
        ) from error


def _checked(file: Path, content: Any) -> dict[str, Any]:
    kind = content.get("kind") if isinstance(content, dict) else None
    if kind != _KIND:
        remedy = ""
        if kind == "neurenix.meta learner":
            remedy = (
                "; it is a learner's: make the learner, and learner.load(path) reads it"
            )
        raise FileFormatError(
            f"load: {file} holds no classifier; expected a file that Classifier.save() "
            f"wrote{remedy}"
        )
    version = content.get("format")
    if not isinstance(version, int) or version > FORMAT:
        by = (content.get("versions") or {}).get("neurenix", "a newer version")
        raise FileFormatError(
            f"load: {file} was written by Neurenix {by} in format {version}; Neurenix "
            f"{nx.__version__} reads formats up to {FORMAT}: upgrade it"
        )
    return content
