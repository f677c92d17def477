"""Several data sets as one, from which each task takes a single domain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurenix.errors import InvalidArgumentError, ShapeError

from .base import ClassDataset


class Domains(ClassDataset):
    """Data sets side by side: a `TaskSampler` draws a domain for each task, each as
    likely, and all of the task's classes from it.

    A class is called "domain/class". Examples have one shape and one dtype.

    Args:
        datasets: two or more, each of another name.
        name: how messages call them all.

    Raises:
        ShapeError: examples of several shapes or dtypes (named).
        InvalidArgumentError: fewer than two data sets, or two of one name.

    >>> import numpy as np
    >>> from neurenix.meta.datasets import ArrayDataset
    >>> pets = ArrayDataset(np.zeros((4, 2)), ["cat", "cat", "dog", "dog"], name="pets")
    >>> cars = ArrayDataset(np.ones((3, 2)), ["van", "bus", "bus"], name="cars")
    >>> both = Domains([pets, cars])
    >>> both.classes, both.domain_offsets.tolist()
    (('pets/cat', 'pets/dog', 'cars/bus', 'cars/van'), [0, 2, 4])
    """

    def __init__(
        self, datasets: Sequence[ClassDataset], *, name: str = "domains"
    ) -> None:
        if len(datasets) < 2:
            raise InvalidArgumentError(
                f"{name}: {len(datasets)} data sets; domains are two or more"
            )
        names = [dataset.name for dataset in datasets]
        if len(set(names)) < len(names):
            repeated = next(n for n in names if names.count(n) > 1)
            raise InvalidArgumentError(f"{name}: two domains are named {repeated!r}")
        lazy = next((d.name for d in datasets if d.lazy), None)
        if lazy is not None:
            raise InvalidArgumentError(
                f"{name}: {lazy} reads its images on demand, and domains lie in one "
                "array; make it with lazy=False"
            )
        first = datasets[0]
        for other in datasets[1:]:
            if (other.example_shape, other.examples.dtype) != (
                first.example_shape,
                first.examples.dtype,
            ):
                raise ShapeError(
                    f"{name}: {first.name} has examples of {first.examples.dtype}"
                    f"{list(first.example_shape)}, {other.name} of "
                    f"{other.examples.dtype}{list(other.example_shape)}; "
                    "resize or convert one of them"
                )
        super().__init__(
            name,
            [f"{d.name}/{label}" for d in datasets for label in d.classes],
            np.concatenate([d.examples[:] for d in datasets]),
            np.concatenate([d.counts for d in datasets]),
            files=_files(datasets),
        )
        sizes = [len(d.classes) for d in datasets]
        self.domain_offsets = np.concatenate([[0], np.cumsum(sizes)])


def _files(datasets: Sequence[ClassDataset]) -> list[str] | None:
    """The files of all examples, if each has one."""
    found: list[str] = []
    for dataset in datasets:
        if dataset.files is None:
            return None
        found += dataset.files.tolist()
    return found
