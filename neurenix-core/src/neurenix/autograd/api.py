"""The derivatives that users call: of functions, and of what was recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import tree
from ..arguments import function
from ..dispatch import no_grad
from ..errors import InvalidArgumentError, ShapeError
from ..primitives import ops
from ..tensor import Tensor, tensor
from .arguments import (
    check_scalar,
    differentiable_leaves,
    matching,
    numbers_of,
    replaced,
)
from .mode import Differentiation, filled, one
from .walk import leaves_behind, pullback


def backward(y: Tensor, gradient: Any = None) -> None:
    """Add dy/dp to `p.grad` of every leaf p that requires grad.

    `gradient` is the cotangent of y; a scalar needs none.
    """
    if gradient is None:
        check_scalar("backward", y)
        gradient = one(y.dtype)
    elif not isinstance(gradient, Tensor):
        gradient = tensor(gradient, dtype=y.dtype, device=y.device)
    if gradient.shape != y.shape:
        raise ShapeError(
            f"backward: a gradient of shape {gradient.shape} "
            f"for a tensor of shape {y.shape}"
        )
    if y.node is None:
        raise InvalidArgumentError(
            "backward: nothing that this depends on requires grad"
        )
    with no_grad():
        leaves = leaves_behind(y)
        found = pullback([y], [gradient], None)
        for leaf in leaves:
            g = found.get((id(leaf), 0))
            if g is not None:
                total = g if leaf.grad is None else ops.add(leaf.grad, g)
                leaf.grad = total.settled(y.device)


def grad(
    outputs: Any, inputs: Any, create_graph: bool = False, cotangents: Any = None
) -> Any:
    """`nx.autograd.grad`: derivatives of recorded outputs by recorded inputs.

    outputs, inputs   a tensor, or a tree of them; inputs must require grad
    create_graph      whether the result can be differentiated again
    cotangents        like outputs; may be left out for a scalar

    Returns a tree like `inputs`; zeros where an output does not depend on an input.
    """
    ys, _ = tree.flatten(outputs)
    xs, structure = tree.flatten(inputs)
    if cotangents is None:
        for y in ys:
            check_scalar("grad", y)
        gs: list[Any] = [one(y.dtype) for y in ys]
    else:
        gs, _ = tree.flatten(cotangents)
    ends = [x.value() for x in xs]
    for i, x in enumerate(ends):
        if x.node is None:
            raise InvalidArgumentError(
                f"grad: input {i} of shape {x.shape} does not require grad"
            )
    if create_graph:
        found = pullback(ys, gs, ends)
    else:
        with no_grad():
            found = pullback(ys, gs, ends)
    values = [filled(found.get((id(x.node), x.index)), x) for x in ends]
    return tree.unflatten(structure, values)


def value_and_grad(
    f: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The function that gives (f(*args), its gradient): ∂f/∂args[argnums].

    f returns a floating scalar, or (scalar, anything) with has_aux=True. The gradient
    is a tree like the argument; with several argnums a tuple of them. To any order.
    Floats and arrays of floats in the argument count as tensors.

    >>> import neurenix as nx
    >>> y, g = nx.value_and_grad(lambda x: (x * x).sum())(nx.tensor([1.0, 2.0]))
    >>> y.item(), g.tolist()
    (5.0, [2.0, 4.0])
    """
    return _value_and_grad("value_and_grad", f, argnums, has_aux)


def _value_and_grad(
    name: str, f: Callable[..., Any], argnums: int | tuple[int, ...], has_aux: bool
) -> Callable[..., Any]:
    function(name, f)

    def run(*args: Any, **kwargs: Any) -> Any:
        numbers = numbers_of(name, argnums, args)
        flat, structure = differentiable_leaves(name, [args[n] for n in numbers])
        with Differentiation(flat) as d:
            given = replaced(args, numbers, tree.unflatten(structure, d.leaves))
            out: Any = f(*given, **kwargs)
            if has_aux and not (isinstance(out, tuple) and len(out) == 2):
                raise InvalidArgumentError(
                    f"{name}: with has_aux=True the function returns (value, aux)"
                )
            y: Any = out[0] if has_aux else out
            check_scalar(name, y)
            d.reach([y])
        grads = tree.unflatten(structure, d.gradients([one(y.dtype)]))
        return d.close(out), tuple(grads) if isinstance(argnums, tuple) else grads[0]

    return run


def grad_function(
    f: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The function that gives the gradient of f alone; see `value_and_grad`.

    >>> import neurenix as nx
    >>> nx.grad(nx.grad(lambda x: x ** 3))(nx.tensor(2.0)).item()
    12.0
    """
    both = _value_and_grad("grad", f, argnums, has_aux)

    def run(*args: Any, **kwargs: Any) -> Any:
        out, g = both(*args, **kwargs)
        return (g, out[1]) if has_aux else g

    return run


def vjp(
    f: Callable[..., Any], *primals: Any
) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """f(*primals), and the function from its cotangent to those of the primals.

    Raises ShapeError for a cotangent that is not like the output.

    >>> import neurenix as nx
    >>> y, pull = nx.vjp(lambda x: x * x, nx.tensor([1.0, 3.0]))
    >>> pull(nx.tensor([1.0, 10.0]))[0].tolist()
    [2.0, 60.0]
    """
    function("vjp", f)
    flat, structure = differentiable_leaves("vjp", list(primals))
    with Differentiation(flat) as d:
        out = f(*tree.unflatten(structure, d.leaves))
        ys, out_structure = tree.flatten(out)
        d.reach(ys)

    def pull(cotangent: Any) -> tuple[Any, ...]:
        gs = matching("vjp", "the cotangents", cotangent, "outputs", ys, out_structure)
        return tuple(tree.unflatten(structure, d.gradients(gs)))

    return d.close(out), pull


def jvp(
    f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[Any, Any]:
    """f(*primals), and its derivative along the tangents: J(primals)·tangents.

    The vjp is linear in its cotangent; the tangent is the vjp of that.

    >>> import neurenix as nx
    >>> y, t = nx.jvp(lambda x: x ** 2, (nx.tensor(3.0),), (nx.tensor(1.0),))
    >>> y.item(), t.item()
    (9.0, 6.0)
    """
    function("jvp", f)
    flat, structure = differentiable_leaves("jvp", list(primals))
    directions = matching("jvp", "tangents", list(tangents), "primals", flat, structure)
    with Differentiation(flat) as d:
        out = f(*tree.unflatten(structure, d.leaves))
        ys, out_structure = tree.flatten(out)
        d.reach(ys)
    return d.close(out), tree.unflatten(out_structure, d.tangents(directions))
