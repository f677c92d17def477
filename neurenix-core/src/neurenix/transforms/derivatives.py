"""Jacobians and products with Hessians."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import dispatch, tree
from ..arguments import function
from ..autograd import grad_function
from ..autograd.arguments import (
    differentiable_leaves,
    matching,
    numbers_of,
    replaced,
)
from ..autograd.mode import Differentiation, stopped
from ..errors import ShapeError
from ..passes.prune import without_dead_code
from ..primitives.shorthands import zeros
from ..tensor import Tensor, literal
from .capture import capture_flat, inline
from .forward import tangent_program
from .mapping import vmap


def jacobian(
    f: Callable[..., Any], argnums: int | tuple[int, ...] = 0
) -> Callable[..., Any]:
    """The function that gives ∂f/∂args[argnums], every element of the outputs by every
    element of the inputs: one reverse pass, batched over the outputs' elements.

    Outputs and arguments may be trees: the result is the outputs' tree, with the
    argument's tree (with several argnums a tuple of them) in place of each leaf; a leaf
    has the output's shape, then the input's.

    Raises NotDifferentiableError for integer inputs, DtypeError for integer outputs.

    >>> import neurenix as nx
    >>> nx.jacobian(lambda x: x * x)(nx.tensor([1.0, 3.0])).tolist()
    [[2.0, 0.0], [0.0, 6.0]]
    """
    function("jacobian", f)

    def run(*args: Any, **kwargs: Any) -> Any:
        numbers = numbers_of("jacobian", argnums, args)
        flat, structure = differentiable_leaves("jacobian", [args[n] for n in numbers])
        with Differentiation(flat) as d:
            given = replaced(args, numbers, tree.unflatten(structure, d.leaves))
            ys, out_structure = tree.flatten(f(*given, **kwargs))
            d.reach(ys)
        rows = []
        for k, y in enumerate(ys):

            def row(g: Tensor, k: int = k) -> Any:
                gs = [
                    g if i == k else zeros(o.shape, o.dtype) for i, o in enumerate(ys)
                ]
                found = tree.unflatten(structure, d.gradients(gs))
                return tuple(found) if isinstance(argnums, tuple) else found[0]

            basis = literal(np.eye(y.size).reshape(y.size, *y.shape), y.dtype)
            with d.deriving():
                stacked = vmap(row)(basis)
            shape = y.shape
            rows.append(
                tree.map_leaves(
                    lambda j, shape=shape, y=y: j.reshape(*shape, *j.shape[1:]).settled(
                        y.device
                    ),
                    stopped(stacked),
                )
            )
        return tree.unflatten(out_structure, rows)

    return run


def hessian(
    f: Callable[..., Any], argnums: int | tuple[int, ...] = 0
) -> Callable[..., Any]:
    """The function that gives ∂²f/∂args[argnums]² of a scalar function: the Jacobian of
    its gradient, with the trees of `jacobian`. For a product with it see `hvp`, which
    never makes it. Raises ShapeError where f gives no scalar.

    >>> import neurenix as nx
    >>> nx.hessian(lambda x: (x**3).sum())(nx.tensor([1.0, 2.0])).tolist()
    [[6.0, 0.0], [0.0, 12.0]]
    """
    function("hessian", f)

    def scalar(*args: Any, **kwargs: Any) -> Any:
        out = f(*args, **kwargs)
        if isinstance(out, Tensor) and out.shape:
            raise ShapeError(f"hessian: f gave {out.type}; expected a scalar, shape ()")
        return out

    return jacobian(grad_function(scalar, argnums), argnums)


def hvp(
    f: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    *,
    forward_over_reverse: bool = False,
) -> tuple[Any, ...]:
    """The Hessian of a scalar function times a vector: ∂/∂p ⟨∂f/∂p, t⟩ at p = primals,
    which is H·t, as H is symmetric; H itself is never made.

    primals, tangents      one for each argument of f, trees of one structure and shapes
    forward_over_reverse   differentiate ∂f/∂p along t in forward mode, which is H·t
                           without the symmetry: values are kept no longer than for the
                           gradient itself, so that a compiled program takes less
                           memory. f is captured, so its control flow may not depend on
                           values; without compile it is slower

    Returns a tuple like the primals. Pearlmutter 1994.

    >>> import neurenix as nx
    >>> x, v = nx.tensor([1.0, 2.0]), nx.tensor([1.0, 1.0])
    >>> nx.hvp(lambda x: (x ** 3).sum(), (x,), (v,))[0].tolist()
    [6.0, 12.0]
    """
    function("hvp", f)
    xs, structure = differentiable_leaves("hvp", list(primals))
    ts = matching("hvp", "tangents", list(tangents), "primals", xs, structure)
    numbers = tuple(range(len(primals)))
    if forward_over_reverse and not dispatch.eagerly():
        return _forward_hvp(f, xs, ts, structure)

    def along(*args: Any) -> Any:
        gs, _ = tree.flatten(list(grad_function(f, numbers)(*args)))
        total = zeros((), gs[0].dtype)
        for g, t in zip(gs, ts, strict=True):
            total = total + (g * t).sum()
        return total

    given = tree.unflatten(structure, xs)
    found: tuple[Any, ...] = grad_function(along, numbers)(*given)
    return found


def _forward_hvp(
    f: Callable[..., Any], xs: Sequence[Tensor], ts: Sequence[Tensor], structure: Any
) -> tuple[Any, ...]:
    def gradient(*values: Tensor) -> list[Tensor]:
        given = tree.unflatten(structure, list(values))
        found = grad_function(f, tuple(range(len(given))))(*given)
        return list(tree.flatten(list(found))[0])

    program, lifted = capture_flat(
        gradient, [x.type for x in xs], [x.device for x in xs]
    )
    along = tangent_program(without_dead_code(program), len(xs))
    out = inline(along, [*xs, *lifted, *ts])
    out = [o.settled(x.device) for o, x in zip(out, xs, strict=True)]
    return tuple(tree.unflatten(structure, out))
