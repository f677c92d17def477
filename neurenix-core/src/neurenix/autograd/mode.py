"""The context of a derivative: the tape that it records, the values that follow it, and
the outputs that may leave it.

    with Differentiation(primals) as d:
        outputs = f(*d.leaves)
        d.reach(outputs)
    gradients = d.gradients(cotangents)     # or d.tangents(directions)
    result = d.close(outputs)
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from .. import dispatch, tree
from ..dispatch import OFF, ON, STOPPED
from ..dtypes import Dtype
from ..primitives.shorthands import zeros
from ..primitives.sources import ConstantArray
from ..tape import Node
from ..tensor import Tensor, literal
from .walk import follows_more, pullback

Found = Sequence[Tensor | None]


class Differentiation:
    """The derivative of a function at its primals. Within it everything goes on the
    tape, whatever the caller does.

    leaves     fresh handles on the primals, where the walk back ends; an outer tape
               sees through them
    outputs    what is differentiated, once `reach` was told
    followed   whether the caller's tape follows anything else that the outputs depend
               on: then it follows the derivative, too
    """

    __slots__ = ("_around", "followed", "leaves", "outputs")

    def __init__(self, primals: Sequence[Tensor]) -> None:
        self.leaves = _tracked(primals)
        self.outputs: list[Tensor] = []
        self.followed = False
        self._around = ON

    def __enter__(self) -> Differentiation:
        self._around = dispatch.state.taping
        self.followed = self._around is ON
        dispatch.state.taping = ON
        return self

    def __exit__(self, *_: object) -> None:
        dispatch.state.taping = self._around

    def reach(self, outputs: Sequence[Tensor]) -> None:
        """Takes the outputs that the derivative is of, and sees whether the caller
        follows them."""
        self.outputs = list(outputs)
        self.followed = self.followed and follows_more(self.outputs, self.leaves)

    def deriving(self, given: Found = ()) -> AbstractContextManager[None]:
        """Puts the computation of the derivative on the tape within it, if the caller's
        tape follows the derivative or the given cotangents or directions."""
        on = self.followed or dispatch.taped([g for g in given if g is not None])
        return dispatch.taping(ON if on and dispatch.state.taping is ON else OFF)

    def pull(self, cotangents: Found) -> list[Tensor | None]:
        """The cotangents of the leaves; None where no output depends on one."""
        with self.deriving(cotangents):
            return _pulled(self.outputs, cotangents, self.leaves)

    def push(self, directions: Found) -> list[Tensor | None]:
        """The tangents of the outputs, as the leaves move in these directions; None
        where an output stays. The pullback is linear in the cotangents, and the tangent
        is its own pullback, so that no primitive needs a rule for it."""
        with dispatch.taping(ON):
            cotangents = _tracked([zeros(y.shape, y.dtype) for y in self.outputs])
            pulled = _pulled(self.outputs, cotangents, self.leaves)
        pairs = zip(pulled, directions, strict=True)
        moving = [(g, t) for g, t in pairs if g is not None and t is not None]
        with self.deriving(directions):
            return _pulled([g for g, _ in moving], [t for _, t in moving], cotangents)

    def gradients(self, cotangents: Found) -> list[Tensor]:
        """As `pull`, with zeros for None, as the caller may have them."""
        return self._released(self.pull(cotangents), self.leaves)

    def tangents(self, directions: Found) -> list[Tensor]:
        """As `push`, with zeros for None, as the caller may have them."""
        return self._released(self.push(directions), self.outputs)

    def close(self, out: Any) -> Any:
        """Takes the function's outputs, a tree, off this tape, unless the caller's tape
        follows them."""
        if self.followed:
            return out
        leave = _stopped if self._around is STOPPED else _untaped
        return tree.map_leaves(leave, out)

    @staticmethod
    def _released(derivative: Found, like: Sequence[Tensor]) -> list[Tensor]:
        return stopped([filled(g, x) for g, x in zip(derivative, like, strict=True)])


def one(dtype: Dtype) -> Tensor:
    """The cotangent of a scalar by itself: 1."""
    return literal(np.ones((), dtype.numpy), dtype)


def filled(derivative: Tensor | None, like: Tensor) -> Tensor:
    """The cotangent or tangent, or zeros in place of None; a literal moves to the
    device of `like`."""
    return (
        zeros(like.shape, like.dtype) if derivative is None else derivative
    ).settled(like.device)


def stopped(derivative: Any) -> Any:
    """A derivative, a tree, detached where `no_grad` holds."""
    if dispatch.state.taping is not STOPPED:
        return derivative
    return tree.map_leaves(_stopped, derivative)


def _tracked(tensors: Sequence[Tensor]) -> list[Tensor]:
    tracked = []
    recorder = dispatch.recorder()
    for t in tensors:
        x = t.value()
        edge = (x.node, x.index) if x.node is not None else None
        node = Node(None, (), {}, None, (x.type,), (edge,), x.device, None)
        if recorder is not None and isinstance(x.data, ConstantArray):
            recorder.begin_following(node)
        tracked.append(Tensor(x.data, x.type, x.device, node))
    return tracked


def _pulled(
    outputs: Sequence[Tensor], cotangents: Found, ends: Sequence[Tensor]
) -> list[Tensor | None]:
    cotangents_by_edge = pullback(outputs, cotangents, ends)
    return [cotangents_by_edge.get((id(x.node), 0)) for x in ends]


def _untaped(x: Any) -> Any:
    """The tensor off the tape; a program being captured still differentiates through
    it."""
    return Tensor(x.data, x.type, x.device) if isinstance(x, Tensor) else x


def _stopped(x: Any) -> Any:
    return x.detach() if isinstance(x, Tensor) else x
