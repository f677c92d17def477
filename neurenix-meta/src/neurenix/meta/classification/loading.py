"""Loading: `neurenix.meta.load`, from a file to a classifier in any process."""

from __future__ import annotations

import os

from neurenix import nn

from . import files
from .classifier import Classifier
from .embedded import Features
from .stored_embedding import check_callable, embedding_of


def load(
    path: str | os.PathLike[str], embedding: nn.Module | Features | None = None
) -> Classifier:
    """The classifier that `Classifier.save` wrote; on the same device it predicts the
    same bits.

    embedding   what the classifier was made from, where the file cannot say all of it:
                a module or a learner with classes of one's own, made as it was (its
                weights are the file's), or a callable

    Raises InvalidArgumentError where that is needed, naming the class, and for one of
    another architecture, with both values; FileFormatError for a file that is damaged,
    is something else, or comes from a newer version; StorageError for none.

    >>> # classifier = neurenix.meta.load("birds.safetensors")
    """
    opened = files.read(path)
    file, said, values = opened.file, opened.embedding, opened.values
    with files.naming_what_lacks(file):
        found = embedding_of(file, said, values, embedding)
        classifier = Classifier(found, **opened.settings)
        recogniser = classifier._made()
        check_callable(file, said, values, recogniser)
        classifier._learn(recogniser, opened.support)
    return classifier
