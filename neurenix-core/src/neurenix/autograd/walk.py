"""The walk back over the tape, from outputs to the ends of a derivative.

It works the same on values and on the symbols of a program being captured. Rules are
made of operations, so what they compute is on the tape again where something still
follows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..primitives import ops
from ..tape import Leaf, Node
from ..tensor import Tensor
from ..user_lines import at_line


def recorded(
    outputs: Sequence[Tensor], ends: set[int] | None
) -> tuple[list[Node], dict[int, bool]]:
    """The recorded nodes behind the outputs, in their order, and for each whether it
    depends on an end (None: on any leaf)."""
    depends: dict[int, bool] = dict.fromkeys(ends or (), True)
    order: list[Node] = []
    stack = [t.node for t in outputs if t.node is not None]
    while stack:
        node = stack[-1]
        if id(node) in depends:
            stack.pop()
            continue
        if isinstance(node, Leaf):
            depends[id(node)] = ends is None
            stack.pop()
            continue
        ahead = [e[0] for e in node.edges if e is not None and id(e[0]) not in depends]
        if ahead:
            stack += ahead
        else:
            stack.pop()
            depends[id(node)] = any(
                e is not None and depends[id(e[0])] for e in node.edges
            )
            order.append(node)
    return order, depends


def pullback(
    outputs: Sequence[Tensor],
    cotangents: Sequence[Tensor | None],
    ends: Sequence[Tensor] | None,
) -> dict[tuple[int, int], Tensor]:
    """The cotangents of the ends, or of every leaf, by (id of node, index of
    output)."""
    order, depends = recorded(
        outputs, None if ends is None else {id(t.node) for t in ends}
    )
    found: dict[tuple[int, int], Tensor] = {}

    def put(edge: Any, g: Tensor) -> None:
        key = (id(edge[0]), edge[1])
        found[key] = ops.add(found[key], g) if key in found else g

    for t, g in zip(outputs, cotangents, strict=True):
        if t.node is not None and g is not None:
            put((t.node, t.index), g)
    for node in reversed(order):
        if not depends[id(node)]:
            continue
        gs: list[Any] = [found.pop((id(node), i), None) for i in range(len(node.types))]
        if all(g is None for g in gs):
            continue
        if node.primitive is None:
            put(node.edges[0], gs[0])
            continue
        if not node.primitive.many and gs[0] is None:
            continue
        outs = (
            node.types
            if node.outputs is None
            else [
                Tensor(d, t, node.device, node if t.dtype.is_floating else None, i)
                for i, (d, t) in enumerate(zip(node.outputs, node.types, strict=True))
            ]
        )
        needed = [e is not None and depends[id(e[0])] for e in node.edges]
        with at_line(node.source):
            results = node.primitive.pull_back(
                needed, gs, node.inputs, outs, node.params
            )
        for edge, need, g in zip(node.edges, needed, results, strict=True):
            if need and g is not None:
                put(edge, g)
    return found


def leaves_behind(y: Tensor) -> list[Leaf[Tensor]]:
    """The leaves of the tape on which y depends."""
    if isinstance(y.node, Leaf):
        return [y.node]
    order, _ = recorded([y], None)
    ends = (e[0] for node in order for e in node.edges if e is not None)
    return list({id(end): end for end in ends if isinstance(end, Leaf)}.values())


def follows_more(outputs: Sequence[Tensor], leaves: Sequence[Tensor]) -> bool:
    """Whether the tape follows anything but these leaves behind the outputs."""
    own = {id(x.node) for x in leaves}
    if any(isinstance(y.node, Leaf) for y in outputs):
        return True
    for node in recorded(outputs, None)[0]:
        if any(e is not None and isinstance(e[0], Leaf) for e in node.edges):
            return True
        followed = any(e is not None for e in node.edges)
        if followed if id(node) in own else not followed:
            return True
    return False
