"""Checks the arguments of derivatives: the function, what it is differentiated by, and
directions."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import tree
from ..errors import (
    DtypeError,
    InvalidArgumentError,
    NotDifferentiableError,
    ShapeError,
)
from ..tensor import Tensor, tensor


def numbers_of(
    name: str, argnums: int | tuple[int, ...], args: Sequence[Any]
) -> tuple[int, ...]:
    """The numbers of the arguments to differentiate by, checked."""
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    for n in numbers:
        if not -len(args) <= n < len(args):
            raise InvalidArgumentError(
                f"{name}: argnums={argnums}, but there are {len(args)} arguments"
            )
    return numbers


def replaced(
    args: Sequence[Any], numbers: Sequence[int], values: Sequence[Any]
) -> list[Any]:
    """The arguments with these values in place of the numbered ones."""
    found = list(args)
    for n, value in zip(numbers, values, strict=True):
        found[n] = value
    return found


def check_scalar(name: str, y: Any) -> None:
    if not isinstance(y, Tensor) or y.shape != () or not y.dtype.is_floating:
        what = y.type if isinstance(y, Tensor) else repr(y)
        raise ShapeError(
            f"{name}: a derivative needs a floating scalar, shape (); got {what}. "
            "Take .sum() or .mean()?"
        )


def differentiable_leaves(name: str, argument: Any) -> tuple[list[Tensor], Any]:
    """The floating tensors of an argument; floats and arrays of floats become
    tensors."""
    leaves, structure = tree.flatten(argument)
    return [_differentiable(name, leaf) for leaf in leaves], structure


def _differentiable(name: str, leaf: Any) -> Tensor:
    if isinstance(leaf, Tensor):
        if not leaf.dtype.is_floating:
            raise NotDifferentiableError(
                f"{name}: a {leaf.dtype.name} tensor has no derivative; "
                "cast it, or leave it out"
            )
        return leaf
    given = leaf if isinstance(leaf, (np.generic, np.ndarray)) else np.asarray(leaf)
    if isinstance(leaf, (bool, int)) or given.dtype.kind in "biu":
        raise NotDifferentiableError(
            f"{name}: the argument to differentiate has {reprlib.repr(leaf)}, which "
            "is whole, and a whole number has no derivative; give floats"
        )
    if isinstance(leaf, float) or given.dtype.kind == "f":
        return tensor(leaf)
    raise DtypeError(
        f"{name}: the argument to differentiate has a {type(leaf).__name__}; "
        "expected tensors or floats"
    )


_NUMBERS = (int, float, np.generic, np.ndarray)


def matching(
    name: str, what: str, given: Any, whose: str, like: Sequence[Tensor], structure: Any
) -> list[Tensor]:
    """The leaves of `given`, one for each tensor of `like`; numbers, and arrays of
    them, take its dtype."""
    leaves, same = tree.flatten(given)
    if same == structure:
        leaves = [
            tensor(g, dtype=x.dtype) if isinstance(g, _NUMBERS) else g
            for g, x in zip(leaves, like, strict=True)
        ]
    types = [getattr(g, "type", g) for g in leaves]
    if same != structure or types != [x.type for x in like]:
        raise ShapeError(
            f"{name}: {what} {types} do not match the {whose} {[x.type for x in like]}"
        )
    return leaves
