"""Arrays in memory as a data set."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from neurenix.errors import InvalidArgumentError, ShapeError

from .base import ClassDataset
from .labels import plain_labels


class ArrayDataset(ClassDataset):
    """Examples `X` [n, ...] with a label each, `y` [n]: integers, bools or strings.

    Labels may be an array of objects (a column of a table) or of NumPy's `StringDType`;
    bytes are UTF-8.

    Classes come in the order of their sorted labels, and within a class examples keep
    their order. uint8 stays (pixels, scaled by 1/255 when a network reads them); other
    whole numbers become int32 (tokens, or values), all else float32. Images have their
    channels first, as the layers of `neurenix.nn` read them.

    Raises:
        InvalidArgumentError: `y` is not one label an example, or has labels of several
            kinds or of another kind (named), or `X` is empty, or is not numbers, or
            holds a NaN or an infinity, or a whole number beyond int32.
        ShapeError: examples of several shapes.

    >>> import numpy as np
    >>> flowers = ArrayDataset(np.eye(4), ["rose", "lily", "rose", "lily"])
    >>> flowers.classes, flowers.counts.tolist()
    (('lily', 'rose'), [2, 2])
    >>> flowers.class_examples("rose")[0].tolist()
    [1.0, 0.0, 0.0, 0.0]
    """

    def __init__(self, X: ArrayLike, y: ArrayLike, *, name: str = "arrays") -> None:
        try:
            examples: np.ndarray[Any, Any] = np.asarray(X)
        except ValueError:  # of lists; there is no array of several shapes
            raise ShapeError(f"{name}: {_shapes(X)}") from None
        labels = plain_labels(name, y)
        if examples.ndim == 0 or labels.shape != examples.shape[:1] or not labels.size:
            raise InvalidArgumentError(
                f"{name}: X {list(examples.shape)} and y {list(labels.shape)}; "
                "expected X [n, ...] and one label for each of n ≥ 1 examples in y [n]"
            )
        if examples.dtype.kind not in "iubf":
            raise InvalidArgumentError(f"{name}: X of {examples.dtype} is not numbers")
        if examples.dtype.kind in "iu" and examples.dtype != np.uint8:
            limits = np.iinfo(np.int32)
            beyond = examples[(examples < limits.min) | (examples > limits.max)]
            if beyond.size:
                raise InvalidArgumentError(
                    f"{name}: X holds {beyond[0]}; whole numbers are kept as int32, "
                    f"from {limits.min} to {limits.max}: give floats"
                )
            examples = examples.astype(np.int32)
        elif examples.dtype != np.uint8:
            examples = examples.astype(np.float32)
            if not np.isfinite(examples).all():
                raise InvalidArgumentError(f"{name}: X holds a NaN or an infinity")
        values, inverse = np.unique(labels, return_inverse=True)
        order = np.argsort(inverse, kind="stable")
        super().__init__(
            name,
            [str(value) for value in values.tolist()],
            examples[order],
            np.bincount(inverse, minlength=len(values)),
        )


def _shapes(X: Any) -> str:
    """Which examples differ in shape."""
    first, *others = (np.shape(x) for x in X)
    for number, shape in enumerate(others, start=1):
        if shape != first:
            return (
                f"example 0 has shape {first} and example {number} shape {shape}; "
                "examples are of one shape: resize images first (ImageFolder does)"
            )
    return "X is ragged; examples are of one shape"
