"""Limits on gradients."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

from .. import tree
from ..arguments import between
from ..dispatch import no_grad
from ..errors import InvalidArgumentError
from ..functions.arithmetic import clip, minimum
from ..functions.reduction import safe_sqrt
from ..nn.parameter import Parameter
from ..tensor import Tensor


def _with_gradients(
    name: str, params: Iterable[Parameter]
) -> list[tuple[Parameter, Tensor]]:
    listed = [params] if isinstance(params, Parameter) else list(params)
    for p in listed:
        if not isinstance(p, Tensor):
            raise InvalidArgumentError(f"{name}: {p!r} is no parameter")
    found = [(p, p.grad) for p in listed if p.grad is not None]
    if not found:
        raise InvalidArgumentError(
            f"{name}: no parameter has a gradient; call loss.backward() first"
        )
    return found


def clip_by_global_norm(gradients: Any, max_norm: float) -> tuple[Any, Tensor]:
    """A tree of tensors g, all times min(1, max_norm / (‖g‖ + 1e-6)), and ‖g‖, the
    Euclidean norm of all of them as one vector (Pascanu, Mikolov & Bengio 2013,
    arXiv:1211.5063, algorithm 1). Nothing is written, and the derivative goes through
    the norm, too; at ‖g‖ = 0 that of the norm is 0.

    Raises InvalidArgumentError for a tree without tensors, and for a max_norm that is
    no number of 0 or more.

    >>> import neurenix as nx
    >>> gradients = {"w": nx.tensor([3.0]), "b": nx.tensor(4.0)}
    >>> clipped, norm = nx.optim.clip_by_global_norm(gradients, 1.0)
    >>> round(clipped["b"].item(), 4), norm.item()
    (0.8, 5.0)
    """
    max_norm = between("clip_by_global_norm", "max_norm", max_norm, 0.0)
    leaves, structure = tree.flatten(gradients)
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise InvalidArgumentError(
                f"clip_by_global_norm: {leaf!r} in the tree is no tensor"
            )
    if not leaves:
        raise InvalidArgumentError("clip_by_global_norm: the tree holds no tensor")
    total: Tensor = safe_sqrt(
        reduce(lambda a, b: a + b, [(g * g).sum() for g in leaves])
    )
    factor = minimum(max_norm / (total + 1e-6), 1.0)
    return tree.unflatten(structure, [g * factor.to(g.dtype) for g in leaves]), total


def clip_grad_norm_(params: Iterable[Parameter], max_norm: float) -> Tensor:
    """`clip_by_global_norm` of the parameters' gradients, between `backward` and
    `step`. Returns the norm as it was; works in compiled code.

    >>> import neurenix as nx
    >>> p = nx.nn.Parameter([3.0, 4.0])
    >>> (p * p).sum().backward()
    >>> norm = nx.optim.clip_grad_norm_([p], 1.0)
    >>> round(norm.item(), 4), round(p.grad.norm().item(), 4)
    (10.0, 1.0)
    """
    max_norm = between("clip_grad_norm_", "max_norm", max_norm, 0.0)
    found = _with_gradients("clip_grad_norm_", params)
    with no_grad():
        clipped, total = clip_by_global_norm([g for _, g in found], max_norm)
        for (p, _), g in zip(found, clipped):
            p.grad = g
    return total


def clip_grad_value_(params: Iterable[Parameter], clip_value: float) -> None:
    """Limit every element of every gradient to [−clip_value, clip_value]."""
    limit = between("clip_grad_value_", "clip_value", clip_value, 0.0)
    with no_grad():
        for p, g in _with_gradients("clip_grad_value_", params):
            p.grad = clip(g, -limit, limit)
