"""What every data set of classes is: examples in one array, class after class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurenix.devices import parse_device
from neurenix.errors import DatasetError, InvalidArgumentError
from neurenix.settings import current_device
from neurenix.tensor import Tensor, tensor

from ..digests import digest_of
from .on_demand import Examples, ImagesOnDemand


class MissingDataError(DatasetError):
    """A data set's files are not there; the message says what to put where."""


class ClassDataset:
    """Examples grouped by class, in one array that can live on a device.

    Class `c` is the rows `class_offsets[c]` to `class_offsets[c + 1]` of `examples`.
    Images are stored as uint8 [total, channels, height, width]; `scale` is what takes
    a stored pixel to the float32 that a network reads (1/255 for uint8, else 1). int32
    are whole numbers, such as tokens, which a learner reads as its `inputs` say.

    Args:
        name: how messages call the data set.
        classes: the name of each class.
        examples: [total, ...], uint8, int32 or float32, class after class; or images
            that are read as they are asked for.
        counts: how many examples each class has.
        split: which part of the data set this is, or None.
        files: where each example comes from, if they come from files.

    Attributes:
        files: object [total], a path an example; None where examples are not files.

    Raises:
        InvalidArgumentError: a class without examples, names that repeat, a dtype other
            than these, counts that do not add up to `total`, or not one file an
            example.

    >>> import numpy as np
    >>> animals = ClassDataset(
    ...     "animals", ["cat", "dog"], np.zeros((5, 4), np.float32), [3, 2]
    ... )
    >>> animals
    ClassDataset('animals', 2 classes, 5 examples of float32[4])
    >>> animals.class_offsets.tolist()
    [0, 3, 5]
    """

    _digest: str | None = None

    def __init__(
        self,
        name: str,
        classes: Sequence[str],
        examples: Examples,
        counts: Sequence[int] | NDArray[np.int64],
        *,
        split: str | None = None,
        files: Sequence[str | os.PathLike[str]] | None = None,
    ) -> None:
        sizes = np.asarray(counts, np.int64)
        if examples.dtype not in (np.uint8, np.int32, np.float32):
            raise InvalidArgumentError(
                f"{name}: examples of {examples.dtype}; expected uint8, int32 or "
                "float32"
            )
        if len(classes) != len(sizes) or sizes.sum() != len(examples):
            raise InvalidArgumentError(
                f"{name}: {len(classes)} class names and {len(sizes)} counts, which "
                f"add up to {sizes.sum()}, for {len(examples)} examples"
            )
        if len(set(classes)) != len(classes):
            repeated = next(c for c in classes if list(classes).count(c) > 1)
            raise InvalidArgumentError(f"{name}: two classes are named {repeated!r}")
        for label, size in zip(classes, sizes, strict=True):
            if size < 1:
                raise InvalidArgumentError(f"{name}: class {label!r} has no examples")
        if files is not None and len(files) != len(examples):
            raise InvalidArgumentError(
                f"{name}: {len(files)} files for {len(examples)} examples"
            )
        self.name = name
        self.split = split
        self.files: NDArray[np.object_] | None = None
        if files is not None:
            self.files = np.array([os.fspath(file) for file in files], object)
        self.classes = tuple(classes)
        self.examples: Examples = examples
        self.class_offsets = np.concatenate([[0], np.cumsum(sizes)])
        # Tasks take classes from one domain: here there is one, with all classes.
        self.domain_offsets = np.array([0, len(self.classes)])
        self.scale = 1.0 / 255.0 if examples.dtype == np.uint8 else 1.0
        self._on_device: dict[str, Tensor] = {}

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many examples each class has: int64 [classes]."""
        return np.diff(self.class_offsets)

    @property
    def lazy(self) -> bool:
        """Whether examples are read from files as they are asked for."""
        return isinstance(self.examples, ImagesOnDemand)

    @property
    def example_shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return self.examples.shape[1:]

    @property
    def digest(self) -> str:
        """SHA-256 of its content: examples, how they are scaled, and of which class and
        domain they are. Computed once, when it is first asked for. Of images that are
        read on demand, names and sizes of the files stand for their content.

        >>> import numpy as np
        >>> ones, twos = (np.full((2, 1), x, np.float32) for x in (1, 2))
        >>> one, two, again = (
        ...     ClassDataset("same name", ["a"], x, [2]) for x in (ones, twos, ones)
        ... )
        >>> one.digest == two.digest, one.digest == again.digest
        (False, True)
        """
        if self._digest is None:
            examples = self.examples
            if isinstance(examples, ImagesOnDemand):  # reading all would take long
                told, arrays = [examples.digest()], []
            else:
                told, arrays = [], [examples]
            self._digest = digest_of(
                [*arrays, self.class_offsets, self.domain_offsets],
                repr(float(self.scale)),
                *map(str, self.classes),
                *told,
            )
        return self._digest

    def __len__(self) -> int:
        """How many examples there are in all."""
        return len(self.examples)

    def __repr__(self) -> str:
        part = "" if self.split is None else f" {self.split},"
        shape = ", ".join(map(str, self.example_shape))
        return (
            f"{type(self).__name__}({self.name!r},{part} {len(self.classes)} classes, "
            f"{len(self)} examples of {self.examples.dtype}[{shape}])"
        )

    def __getstate__(self) -> dict[str, Any]:  # its device's copy stays there
        return {**vars(self), "_on_device": {}}

    def class_examples(self, label: str | int) -> NDArray[Any]:
        """One class's examples [n, ...], by the class's name or number."""
        index = self._class_index(label)
        return self.examples[self.class_offsets[index] : self.class_offsets[index + 1]]

    def on_device(self, device: Any = None) -> Tensor:
        """All examples as one tensor, put on the device once and kept there.

        Returns:
            [total, ...], in the dtype in which they are stored: `scale` is not applied.

        Raises InvalidArgumentError where images are read on demand.
        """
        if isinstance(self.examples, ImagesOnDemand):
            raise InvalidArgumentError(
                f"{self.name}: its images are read from files as tasks need them, and "
                "no tensor holds all; make it with lazy=False"
            )
        where = current_device() if device is None else parse_device(device)
        if str(where) not in self._on_device:
            self._on_device[str(where)] = tensor(self.examples, device=where)
        return self._on_device[str(where)]

    def subset(self, classes: Sequence[str | int]) -> ClassDataset:
        """A data set of some of the classes, by name or number, in the order given.

        Raises InvalidArgumentError for a class that is not there, or for none at all.

        >>> import numpy as np
        >>> whole = ClassDataset("abc", "abc", np.zeros((6, 1), np.float32), [2, 2, 2])
        >>> whole.subset(["c", 0]).classes
        ('c', 'a')
        """
        if not len(classes):
            raise InvalidArgumentError(f"{self.name}: a subset of no classes")
        chosen = [self._class_index(label) for label in classes]
        starts, ends = self.class_offsets[:-1], self.class_offsets[1:]
        rows = np.concatenate([np.arange(starts[c], ends[c]) for c in chosen])
        some: Examples
        if isinstance(self.examples, ImagesOnDemand):
            some = self.examples.of_rows(rows)
        else:
            some = self.examples[rows]
        return ClassDataset(
            self.name,
            [self.classes[c] for c in chosen],
            some,
            self.counts[chosen],
            split=self.split,
            files=None if self.files is None else self.files[rows].tolist(),
        )

    def _class_index(self, label: str | int) -> int:
        if isinstance(label, str):
            if label in self.classes:
                return self.classes.index(label)
        elif 0 <= label < len(self.classes):
            return int(label)
        raise InvalidArgumentError(
            f"{self.name}: no class {label!r} among its {len(self.classes)}"
        )
