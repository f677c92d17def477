"""Classifier: what a user calls, from a few labelled images to a picture's class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from neurenix import nn
from neurenix.arguments import plain_number, positive, whole
from neurenix.errors import DatasetError, InvalidArgumentError
from neurenix.keywords import check_keywords

from ..datasets.preprocess import Preprocess
from ..method import Method
from ..methods.embedding_based import EmbeddingBased
from ..methods.gradient_based import GradientBased
from ..weights.pretrained import Pretrained
from ..wording import in_words
from . import files, rejection
from .adapted import OfAdaptation
from .embedded import Features, OfCallable, OfLearner, OfModule
from .examples import (
    Given,
    Label,
    Labelled,
    images_of,
    labelled,
    of_classes,
    plain_label,
)
from .heads import DEFAULT, rule_of
from .probabilities import best_scale, scale_of_prototypes, softmax
from .reading import Reader
from .recogniser import Array, Recogniser, Scoring
from .scores import ClassifierScores, scores_of
from .support import Support
from .telling import warn_of_skipped

Values = NDArray[np.float64]
C = TypeVar("C", bound="Classifier")


class Classifier:
    """Classifies images from a few labelled examples of each class, without training.

    embedding    what it is made from:

                 - an `nn.Module` that gives features [n, d] (more axes are flattened),
                   such as a trained `Conv4()`; or any callable that gives a NumPy array
                   of them for one of images: a frozen backbone of one's own. A `head`
                   compares them
                 - a learner with an embedding (`PrototypicalNetworks`,
                   `MatchingNetworks`, `R2D2`, …): by its own rule
                 - a learner of gradient steps (`MAML`, …): it adapts to all examples.
                   Its network must have an output for each class (`ProtoMAML` has)
                 - what `pretrained` gives: its learner, with its preprocessing
    preprocess   how images were prepared for that embedding when it was trained: a
                 `Preprocess`. None: examples are arrays, which it reads as they are
    head         of modules and callables: "centroids", the nearest class mean
                 (`Centroids`); "ridge", R2D2's regression (`Ridge`); "matching",
                 attention over the examples (`Matching`)
    metric       of the head "centroids"
    centre, normalize
                 what is done to features first: see `Rule`; centre="support" and
                 normalize=True are SimpleShot's CL2N
    regularization
                 λ of the head "ridge"
    scale        a in p = softmax(a · logits). None: 1 for learners, whose logits were
                 trained so; for modules and callables the examples choose it when they
                 are given, by their leave-one-out likelihood (`best_scale`)
    threshold    an image whose largest logit is below it is of none of the classes;
                 `calibrate` finds one. None: every image is of a class
    unreadable   "refuse" images that cannot be read, or "skip" them with a warning
    batch_size   images read and embedded at once

    Images are given as a path, a folder, a PIL image, an array [n, ...], or a list of
    paths, images and arrays of one image each. The embedding is copied by `fit`:
    training it further changes no classifier. Nothing is drawn at random. `save` writes
    all of it to a file, which `neurenix.meta.load` reads anywhere.

    Attributes:
        classes_: the names of the classes, in the order of `predict_proba`'s columns.
        scale_: the scale in use.
        threshold: as above; it may be set at any time.

    Raises InvalidArgumentError for what is no embedding, and for settings that it does
    not know.

    >>> rng = np.random.default_rng(0)
    >>> dark, light = rng.uniform(0, 0.4, (3, 8)), rng.uniform(0.6, 1, (3, 8))
    >>> classifier = Classifier(lambda x: x).fit({"dark": dark, "light": light})
    >>> classifier.classes_
    ('dark', 'light')
    >>> classifier.predict(np.full((1, 8), 0.9)).tolist()
    ['light']
    """

    def __new__(cls: type[C], *args: Any, **kwargs: Any) -> C:
        check_keywords(cls, kwargs)
        made: Any = super().__new__
        return made(cls)

    def __init__(
        self,
        embedding: nn.Module | Features | Pretrained,
        preprocess: Preprocess | None = None,
        *,
        head: str = "centroids",
        metric: str = "euclidean",
        centre: Any = None,
        normalize: bool = False,
        regularization: float = 1.0,
        scale: float | None = None,
        threshold: float | None = None,
        unreadable: str = "refuse",
        batch_size: int = 64,
    ) -> None:
        if isinstance(embedding, Pretrained):
            preprocess = preprocess or embedding.preprocess
            embedding = embedding.learner
        self._reader = Reader(preprocess, unreadable, batch_size)
        self._rule = rule_of(head, metric, centre, normalize, regularization)
        if isinstance(embedding, Method) and (
            self._rule.centre is not None or self._rule != DEFAULT
        ):
            raise InvalidArgumentError(
                f"Classifier: {type(embedding).__name__} has a rule of its own; head, "
                "metric, centre, normalize and regularization are for modules and "
                "callables"
            )
        self._head = {"head": head, "metric": metric, "regularization": regularization}
        self.embedding = embedding
        self.scale = None if scale is None else positive("Classifier", "scale", scale)
        self.threshold = threshold
        self._recogniser: Recogniser | None = None
        self._support: Support | None = None
        self._scoring: Scoring | None = None
        self._scale = 1.0
        self._made()  # refuses what is no embedding

    def _made(self) -> Recogniser:
        """What the embedding, as it is now, makes of examples."""
        found = self.embedding
        if isinstance(found, GradientBased):
            return OfAdaptation(found, self._reader.batch_size)
        if isinstance(found, EmbeddingBased):
            return OfLearner(found)
        if isinstance(found, Method):
            raise InvalidArgumentError(
                f"Classifier: {type(found).__name__} is no learner of classes; "
                "expected one with an embedding or of gradient steps, a module or a "
                "callable"
            )
        if isinstance(found, nn.Module):
            return OfModule(found, self._rule)
        if callable(found) and not isinstance(found, type):
            return OfCallable(found, self._rule)
        raise InvalidArgumentError(
            f"Classifier: the embedding is {in_words(found)}; expected a module, a "
            "learner, or a function of images that gives features"
        )

    # ---- settings and what was learned -----------------------------------------------

    @property
    def preprocess(self) -> Preprocess | None:
        """How images are prepared."""
        return self._reader.preprocess

    @property
    def threshold(self) -> float | None:
        """The largest logit below which an image is of none of the classes."""
        return self._threshold

    @threshold.setter
    def threshold(self, value: float | None) -> None:
        found = None if value is None else plain_number(value)
        if value is not None and found is None:
            raise InvalidArgumentError(
                f"Classifier: threshold={value!r}; expected a number or None"
            )
        self._threshold = found

    @property
    def unreadable(self) -> str:
        """What becomes of images that cannot be read; it may be set at any time."""
        return self._reader.unreadable

    @unreadable.setter
    def unreadable(self, value: str) -> None:
        self._reader = replace(self._reader, unreadable=value)

    @property
    def classes_(self) -> tuple[Label, ...]:
        """The classes' names."""
        return self._fitted().classes

    @property
    def counts_(self) -> dict[Label, int]:
        """How many examples each class has."""
        support = self._fitted()
        counts = np.bincount(support.numbers, minlength=len(support.classes))
        return dict(zip(support.classes, counts.tolist()))

    @property
    def scale_(self) -> float:
        """a in p = softmax(a · logits)."""
        self._fitted()
        return self._scale

    def __repr__(self) -> str:
        name = getattr(self.embedding, "__name__", type(self.embedding).__name__)
        ways = "no" if self._support is None else len(self._support.classes)
        return f"Classifier({name}, {ways} classes, threshold={self.threshold})"

    # ---- learning from examples ------------------------------------------------------

    def fit(self, examples: Given, y: object = None) -> Classifier:
        """Learn classes from labelled examples; what it knew before is forgotten, but
        the threshold stays.

        examples   a folder with one folder a class (found as `datasets.ImageFolder`
                   finds them), a dict of each class's images, or images with labels
        y          the labels, texts or whole numbers, of images

        Returns the classifier. Raises InvalidArgumentError for no classes, a class
        without images and what are no examples; DatasetError for an empty folder and
        for an image that cannot be read (named), unless they are skipped;
        MissingDataError for no folder. Nothing is changed then.
        """
        given = of_classes("fit", self._labelled("fit", examples, y))
        recogniser = self._made()
        self._learn(recogniser, self._read(recogniser, Support.none(), given))
        return self

    def add_class(self, name: Label, examples: Given) -> Classifier:
        """Learn one more class. The result is that of `fit` with all classes at once,
        this one the last; the threshold stays.

        Returns the classifier. Raises InvalidArgumentError for a class that is there,
        one without images, or a label of another kind, and what `fit` raises.
        """
        support, recogniser = self._fitted(), self._recogniser
        assert recogniser is not None
        label = plain_label("add_class", name)
        if label in support.classes:
            raise InvalidArgumentError(
                f"add_class: there is a class {label!r} already; fit anew to replace it"
            )
        if type(label) is not type(support.classes[0]):
            raise InvalidArgumentError(
                f"add_class: the label {label!r} beside {support.classes[0]!r}; "
                "expected integers alone, or strings alone"
            )
        images = self._images(examples, f"add_class: class {label!r}")
        given = of_classes("add_class", Labelled([label], [images]))
        self._learn(recogniser, self._read(recogniser, support, given))
        return self

    def _images(self, given: Given, name: str = "images") -> list[object]:
        return images_of(given, name, pictures=self.preprocess is not None)

    def _labelled(self, method: str, given: Given, y: object) -> Labelled:
        return labelled(method, given, y, pictures=self.preprocess is not None)

    def _read(
        self, recogniser: Recogniser, support: Support, given: Labelled
    ) -> Support:
        """The support set with these examples behind it; one warning says what was
        skipped."""
        skipped: list[str] = []
        for label, images in zip(given.classes, given.images):
            assert label is not None
            # Class by class, so that one that is added later gets the same bits.
            kept: list[Array] = []
            shape: tuple[int, ...] = ()
            for batch in self._reader.batches(images, skipped):
                kept.append(recogniser.kept(batch.x))
                shape = batch.x.shape[1:]
            if not kept:
                raise DatasetError(
                    f"class {label!r}: none of its {len(images)} images can be read; "
                    f"{skipped[-1]}"
                )
            support = support.with_class(label, kept, shape)
        warn_of_skipped(skipped, sum(map(len, given.images)))
        return support

    def _learn(self, recogniser: Recogniser, support: Support) -> None:
        """Take what was kept of examples. Nothing is changed if it does not fit."""
        ways = len(support.classes)
        scoring = recogniser.scoring(support.kept, support.numbers, ways)
        scale = self.scale
        if scale is None and recogniser.has_logits:
            scale = 1.0
        if scale is None:
            logits, rows = recogniser.left_out(support.kept, support.numbers, ways)
            if len(rows):
                scale = best_scale(logits, support.numbers[rows])
            else:
                scale = scale_of_prototypes(scoring(support.kept))
        self._recogniser, self._support = recogniser, support
        self._scoring, self._scale = scoring, scale

    # ---- predicting ------------------------------------------------------------------

    def logits(self, images: Given) -> Values:
        """Logits [m, classes] of images, before scale and softmax; rows of NaN for
        those that are skipped.

        Raises InvalidArgumentError before `fit`, for what are no images and for
        features of another size; DatasetError for images that cannot be read.
        """
        self._fitted()
        return self._logits(self._images(images))

    def _logits(self, images: Sequence[object]) -> Values:
        support, scoring = self._fitted(), self._scoring
        assert scoring is not None and self._recogniser is not None
        result = np.full((len(images), len(support.classes)), np.nan)
        rows: list[int] = []
        waiting: list[Array] = []  # where queries are looked at together
        skipped: list[str] = []
        for batch in self._reader.batches(images, skipped):
            kept = self._recogniser.kept(batch.x)
            support.check(kept)
            if self._recogniser.transductive:
                rows += batch.rows
                waiting.append(kept)
            else:
                result[batch.rows] = scoring(kept)
        warn_of_skipped(skipped, len(images))
        if waiting:
            result[rows] = scoring(np.concatenate(waiting))
        return result

    def predict(self, images: Given) -> NDArray[np.object_]:
        """The class of each image, [m]: None for none of the classes (with a threshold)
        and for one that is skipped. Of a folder in the order of `list_images`.

        Raises what `logits` raises.
        """
        return self._labels(self.logits(images))

    def _labels(self, logits: Values) -> NDArray[np.object_]:
        found = np.empty(len(logits), object)
        best = np.argmax(logits, axis=1) if len(logits) else []
        for row, place in enumerate(best):
            if self._is_known(logits[row : row + 1])[0]:
                found[row] = self.classes_[place]
        return found

    def _is_known(self, logits: Values) -> NDArray[np.bool_]:
        """Whether images are of any class: without NaN, and not below the threshold."""
        least = -np.inf if self.threshold is None else self.threshold
        return rejection.known(logits) >= least

    def predict_proba(self, images: Given) -> Values:
        """Probabilities [m, classes], p = softmax(scale · logits), given that an image
        is of one of the classes; NaN for images that are skipped.

        Of Prototypical Networks' logits −‖f(x) − c_k‖² and scale 1 these are equation 2
        of Snell et al. 2017. Raises what `logits` raises.
        """
        return softmax(self.logits(images), self._scale)

    def top_k(self, images: Given, k: int = 3) -> list[list[tuple[Label, float]]]:
        """The k likeliest classes of each image with their probabilities, the likeliest
        first (of equal ones, the first class); empty for one that is skipped. The
        threshold plays no part.

        Raises InvalidArgumentError for k below 1 or above the number of classes, and
        what `logits` raises.
        """
        classes = self.classes_
        count = whole("top_k", "k", k, 1)
        if count > len(classes):
            raise InvalidArgumentError(
                f"top_k: k={k!r}, and there are {len(classes)} classes"
            )
        found: list[list[tuple[Label, float]]] = []
        for row in self.predict_proba(images):
            order = np.argsort(-row, kind="stable")[:count].tolist()
            likeliest = [(classes[place], float(row[place])) for place in order]
            found.append([] if np.isnan(row).any() else likeliest)
        return found

    def is_known(self, images: Given) -> NDArray[np.bool_]:
        """Whether each image is of any of the classes, by the threshold, [m]."""
        return self._is_known(self.logits(images))

    # ---- none of these ---------------------------------------------------------------

    def calibrate(self, rate: float = 0.05, held_out: Given = None) -> float:
        """Set the threshold so that an image of a known class is rejected with a
        probability of `rate` at most.

        rate       between 0 and 1
        held_out   images of known classes that `fit` has not seen: whatever `predict`
                   takes. None: the examples themselves, each scored by all others but
                   itself (leave-one-out); those that are alone in their class are left
                   out

        Returns the threshold (see `rejection.threshold` for its formula and what it
        promises). Few images make it coarse, of which a warning tells. Raises
        InvalidArgumentError for another rate, and where no class has two examples.
        """
        support, recogniser = self._fitted(), self._recogniser
        assert recogniser is not None
        if held_out is not None:
            logits = self._logits(self._images(held_out, "held_out"))
            logits = logits[~np.isnan(logits).any(axis=1)]
            none = "held_out has no image that can be read"
        else:
            ways = len(support.classes)
            logits, _ = recogniser.left_out(support.kept, support.numbers, ways)
            none = (
                "every class has one example, and none can be left out; give held_out= "
                "images, or two examples of a class"
            )
        if not len(logits):
            raise InvalidArgumentError(f"calibrate: {none}")
        self.threshold = rejection.threshold(rejection.known(logits), rate)
        assert self.threshold is not None
        return self.threshold

    def evaluate(self, examples: Given, y: object = None) -> ClassifierScores:
        """Accuracy and more on labelled images, given as to `fit`; the label None is
        right for an image that is none of the classes.

        Raises InvalidArgumentError for a label that is no class, and what `fit` raises.
        """
        classes = self.classes_
        given = self._labelled("evaluate", examples, y)
        unknown = [x for x in given.classes if x is not None and x not in classes]
        if unknown:
            raise InvalidArgumentError(
                f"evaluate: the label {unknown[0]!r} is no class; there are "
                f"{', '.join(map(repr, classes))}"
                + ("" if None in given.classes else " (None: none of these)")
            )
        truth = [x for x, some in zip(given.classes, given.images) for _ in some]
        every = self._logits([image for some in given.images for image in some])
        read: NDArray[np.bool_] = ~np.isnan(every[:, 0])
        return scores_of(
            classes,
            [label for label, there in zip(truth, read) if there],
            self._labels(every[read]),
            softmax(every[read], self._scale),
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file: safetensors, with architecture, preprocessing and all
        settings as JSON; no pickle. `neurenix.meta.load` reads it in any process.

        It holds the features of the examples, and of learners of gradient steps the
        examples themselves. Modules and learners of ours are in it as a whole; of one's
        own, the weights and what the class is called; of a callable, its name.

        The file is written beside `path` and renamed. Raises InvalidArgumentError
        before `fit`, StorageError for a path that cannot be written.
        """
        support = self._fitted()
        assert self._recogniser is not None
        settings = {
            "preprocess": self.preprocess,
            **self._head,
            "centre": self._rule.centre,
            "normalize": self._rule.normalize,
            "scale": self.scale,
            "threshold": self.threshold,
            "unreadable": self._reader.unreadable,
            "batch_size": self._reader.batch_size,
        }
        files.write(path, settings, support, self._recogniser)

    def __getstate__(self) -> dict[str, Any]:
        # For copies and other processes: functions are made again.
        return {**vars(self), "_scoring": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if self._support is not None and self._recogniser is not None:
            support = self._support
            ways = len(support.classes)
            scoring = self._recogniser.scoring(support.kept, support.numbers, ways)
            self._scoring = scoring

    def _fitted(self) -> Support:
        if self._support is None:
            raise InvalidArgumentError(
                "this Classifier has no classes yet; give it examples: "
                "classifier.fit(folder)"
            )
        return self._support
