"""The tensors of trees of arguments and results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import tree
from ..tensor import Tensor, tensor


def tensors_of(
    arguments: Any,
) -> tuple[list[Tensor], Callable[[Sequence[Tensor]], Any]]:
    """The tensors of a tree, and a function that puts others in their place."""
    leaves, structure = tree.flatten(arguments)
    at = [i for i, x in enumerate(leaves) if isinstance(x, Tensor)]

    def joined(tensors: Sequence[Tensor]) -> Any:
        filled = list(leaves)
        for i, x in zip(at, tensors, strict=True):
            filled[i] = x
        return tree.unflatten(structure, filled)

    return [leaves[i].value() for i in at], joined


def flat_tensors(outputs: Any) -> tuple[list[Tensor], Any]:
    leaves, structure = tree.flatten(outputs)
    return [
        x.value() if isinstance(x, Tensor) else tensor(x) for x in leaves
    ], structure
