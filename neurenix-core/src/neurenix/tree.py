"""Trees: nested dicts, lists, tuples and named tuples, with anything else as leaves."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from .errors import InvalidArgumentError

LEAF = ("leaf",)
NONE = ("none",)


def flatten(tree: Any) -> tuple[list[Any], Hashable]:
    """The leaves in a fixed order (dict keys sorted), and the hashable structure.

    >>> leaves, structure = flatten({"b": 2, "a": [1, None]})
    >>> leaves
    [1, 2]
    >>> unflatten(structure, leaves)
    {'a': [1, None], 'b': 2}
    """
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves)


def _flatten(tree: Any, leaves: list[Any]) -> Hashable:
    if tree is None:
        return NONE
    kind = type(tree)
    if kind is tuple or kind is list or isinstance(tree, tuple):
        return (kind, *[_flatten(x, leaves) for x in tree])
    if isinstance(tree, dict):
        keys = tuple(sorted(tree))
        return (dict, keys, *[_flatten(tree[k], leaves) for k in keys])
    leaves.append(tree)
    return LEAF


def unflatten(structure: Any, leaves: list[Any]) -> Any:
    """The tree of that structure, with these leaves."""
    if structure == LEAF and len(leaves) == 1:
        return leaves[0]
    rest = iter(leaves)
    try:
        tree = _unflatten(structure, rest)
    except StopIteration:
        raise InvalidArgumentError(
            f"unflatten: {len(leaves)} leaves, and the structure has more"
        ) from None
    if next(rest, LEAF) is not LEAF:
        raise InvalidArgumentError("unflatten: more leaves than the structure has")
    return tree


def _unflatten(structure: Any, leaves: Any) -> Any:
    kind = structure[0]
    if structure == LEAF:
        return next(leaves)
    if structure == NONE:
        return None
    if kind is dict:
        return {
            k: _unflatten(s, leaves)
            for k, s in zip(structure[1], structure[2:], strict=True)
        }
    children = [_unflatten(s, leaves) for s in structure[1:]]
    if kind is list or kind is tuple:
        return kind(children)
    return kind(*children) if hasattr(kind, "_fields") else kind(children)


def map_leaves(f: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """f over the leaves of trees of one structure.

    >>> map_leaves(lambda a, b: a + b, {"x": 1}, {"x": 2})
    {'x': 3}
    """
    leaves, structure = flatten(tree)
    columns = [leaves]
    for other in others:
        more, same = flatten(other)
        if same != structure:
            raise InvalidArgumentError(
                f"tree.map: trees differ: {structure} and {same}"
            )
        columns.append(more)
    return unflatten(structure, [f(*row) for row in zip(*columns, strict=True)])


def map(f: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """f over the leaves of one tree, or of several of one structure, as a tree.

    Raises InvalidArgumentError where the structures differ.

    >>> import neurenix as nx
    >>> nx.tree.map(lambda a, b: a + b, {"x": [1, 2]}, {"x": [10, 20]})
    {'x': [11, 22]}
    """
    return map_leaves(f, tree, *others)


def leaves(tree: Any) -> list[Any]:
    """The leaves in a fixed order: dict keys sorted, None left out.

    >>> import neurenix as nx
    >>> nx.tree.leaves({"b": 2, "a": (1, None)})
    [1, 2]
    """
    return flatten(tree)[0]


def structure(tree: Any) -> Hashable:
    """The structure that `unflatten` needs besides the leaves: equal for trees of one
    structure.

    >>> import neurenix as nx
    >>> nx.tree.structure([1, 2]) == nx.tree.structure(["a", "b"])
    True
    """
    return flatten(tree)[1]
