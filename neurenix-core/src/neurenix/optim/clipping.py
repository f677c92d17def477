"""Limits on gradients, between `backward` and `step`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from ..dispatch import no_grad
from ..errors import InvalidArgumentError
from ..functions.arithmetic import clip, minimum, sqrt
from ..nn.arguments import number
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


def clip_grad_norm_(params: Iterable[Parameter], max_norm: float) -> Tensor:
    """Scale all gradients by min(1, max_norm / (norm + 1e-6)), where norm is that of
    all of them as one vector. Returns the norm as it was; works in compiled code.

    >>> import neurenix as nx
    >>> p = nx.nn.Parameter([3.0, 4.0])
    >>> (p * p).sum().backward()
    >>> norm = nx.optim.clip_grad_norm_([p], 1.0)
    >>> round(norm.item(), 4), round(p.grad.norm().item(), 4)
    (10.0, 1.0)
    """
    number("clip_grad_norm_: max_norm", max_norm, 0.0)
    found = _with_gradients("clip_grad_norm_", params)
    with no_grad():
        squares = [(g * g).sum() for _, g in found]
        total: Tensor = sqrt(reduce(lambda a, b: a + b, squares))
        factor = minimum(max_norm / (total + 1e-6), 1.0)
        for p, g in found:
            p.grad = g * factor.to(g.dtype)
    return total


def clip_grad_value_(params: Iterable[Parameter], clip_value: float) -> None:
    """Limit every element of every gradient to [−clip_value, clip_value]."""
    limit = number("clip_grad_value_: clip_value", clip_value, 0.0)
    with no_grad():
        for p, g in _with_gradients("clip_grad_value_", params):
            p.grad = clip(g, -limit, limit)
