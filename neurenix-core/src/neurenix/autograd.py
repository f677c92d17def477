"""The tape: derivatives by walking back over what was recorded, to any order.

It works the same on values and on the symbols of a program being captured. Rules are
made of operations, so what they compute is on the tape again where something still
follows it.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import dispatch, tree
from .arguments import function
from .dispatch import no_grad
from .dtypes import Dtype
from .errors import DtypeError, InvalidArgumentError, NotDifferentiableError, ShapeError
from .primitives import ops
from .primitives.shorthands import zeros
from .tape import Leaf, Node
from .tensor import Tensor, literal, tensor
from .user_lines import at_line


def zeros_of(x: Any) -> Tensor:
    return zeros(x.shape, x.dtype)


def one(dtype: Dtype) -> Tensor:
    return literal(np.ones((), dtype.numpy), dtype)


def track(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Fresh handles on the same data, for a derivative to end at; an outer tape sees
    through them."""
    tracked = []
    for t in tensors:
        x = t.value()
        edge = (x.node, x.index) if x.node is not None else None
        node = Node(None, (), {}, None, (x.type,), (edge,), x.device, None)
        tracked.append(Tensor(x.data, x.type, x.device, node))
    return tracked


def _order(
    outputs: Sequence[Tensor], ends: set[int] | None
) -> tuple[list[Node], dict[int, bool]]:
    """Nodes in the order they were recorded, as far as the outputs reach; and which of
    them depend on an end (None: on any leaf)."""
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
    """Cotangents by (id of node, index of output): of the ends, or of every leaf."""
    order, depends = _order(
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


def _check_scalar(name: str, y: Any) -> None:
    if not isinstance(y, Tensor) or y.shape != () or not y.dtype.is_floating:
        what = y.type if isinstance(y, Tensor) else repr(y)
        raise ShapeError(
            f"{name}: a derivative needs a floating scalar, shape (); got {what}. "
            "Take .sum() or .mean()?"
        )


def backward(y: Tensor, gradient: Any = None) -> None:
    """Add dy/dp to `p.grad` of every leaf p that requires grad.

    `gradient` is the cotangent of y; a scalar needs none.
    """
    if gradient is None:
        _check_scalar("backward", y)
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
        order, _ = _order([y], None)
        found = pullback([y], [gradient], None)
        leaves = {
            id(e[0]): e[0]
            for n in order
            for e in n.edges
            if e is not None and isinstance(e[0], Leaf)
        }
        if isinstance(y.node, Leaf):
            leaves[id(y.node)] = y.node
        for key, leaf in leaves.items():
            g = found.get((key, 0))
            if g is not None:
                total = g if leaf.grad is None else ops.add(leaf.grad, g)
                leaf.grad = total.settled(y.device)


def grad_of(
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
            _check_scalar("grad", y)
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
    values = [found.get((id(x.node), x.index)) for x in ends]
    filled = [_filled(g, x) for g, x in zip(values, ends, strict=True)]
    return tree.unflatten(structure, filled)


grad = grad_of


def _filled(g: Tensor | None, x: Tensor) -> Tensor:
    """The cotangent, zeros where there is none; where x lives, if it is a literal."""
    return (zeros_of(x) if g is None else g).settled(x.device)


def _differentiable_leaves(name: str, argument: Any) -> tuple[list[Tensor], Any]:
    """Floating tensors; floats and arrays of floats are taken for such."""
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


def _matching(
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
    several = isinstance(argnums, tuple)
    numbers: tuple[int, ...] = argnums if isinstance(argnums, tuple) else (argnums,)

    def run(*args: Any, **kwargs: Any) -> Any:
        for n in numbers:
            if not -len(args) <= n < len(args):
                raise InvalidArgumentError(
                    f"{name}: argnums={argnums}, but there are {len(args)} arguments"
                )
        chosen = [args[n] for n in numbers]
        flat, structure = _differentiable_leaves(name, chosen)
        before, blocked = dispatch.state.grad_enabled, dispatch.state.blocked
        with dispatch.taping(True):
            leaves = track(flat)
            replaced = list(args)
            for n, a in zip(numbers, tree.unflatten(structure, leaves), strict=True):
                replaced[n] = a
            out: Any = f(*replaced, **kwargs)
            if has_aux and not (isinstance(out, tuple) and len(out) == 2):
                raise InvalidArgumentError(
                    f"{name}: with has_aux=True the function returns (value, aux)"
                )
            y: Any = out[0] if has_aux else out
            _check_scalar(name, y)
            followed = before and _outside(y, leaves)
            dispatch.state.grad_enabled = followed
            found = pullback([y], [one(y.dtype)], leaves)
        grads = [_filled(found.get((id(x.node), 0)), x) for x in leaves]
        if blocked:
            grads = [g.detach() for g in grads]
        grads_tree = tree.unflatten(structure, grads)
        if not followed:
            out = tree.map_leaves(_untracked if not blocked else _detached, out)
        return out, (tuple(grads_tree) if several else grads_tree[0])

    return run


def _untracked(x: Any) -> Any:
    """Off the tape; a program being captured still differentiates through it."""
    return Tensor(x.data, x.type, x.device) if isinstance(x, Tensor) else x


def _detached(x: Any) -> Any:
    return x.detach() if isinstance(x, Tensor) else x


def _outside(y: Tensor, leaves: Sequence[Tensor]) -> bool:
    """Whether anything else follows what y depends on: then so does the derivative."""
    own = {id(t.node) for t in leaves}
    order, _ = _order([y], None)
    for node in order:
        if any(e is not None and isinstance(e[0], Leaf) for e in node.edges):
            return True
        followed = any(e is not None for e in node.edges)
        if followed if id(node) in own else not followed:
            return True
    return False


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
    out, pull, _ = followed_vjp("vjp", function("vjp", f), *primals)
    return out, pull


def followed_vjp(
    name: str, f: Callable[..., Any], *primals: Any
) -> tuple[Any, Callable[[Any], tuple[Any, ...]], bool]:
    """vjp; and whether anything but the cotangent is followed in what it gives."""
    flat, structure = _differentiable_leaves(name, list(primals))
    before, blocked = dispatch.state.grad_enabled, dispatch.state.blocked
    with dispatch.taping(True):
        leaves = track(flat)
        out = f(*tree.unflatten(structure, leaves))
    ys, out_structure = tree.flatten(out)
    followed = before and any(_outside(y, leaves) for y in ys)

    def pull(cotangent: Any) -> tuple[Any, ...]:
        gs = _matching("vjp", "the cotangents", cotangent, "outputs", ys, out_structure)
        now, stopped = dispatch.state.grad_enabled, dispatch.state.blocked
        on = now and (followed or any(g.node is not None for g in gs))
        with dispatch.taping(on):
            found = pullback(ys, gs, leaves)
            grads = [_filled(found.get((id(x.node), 0)), x) for x in leaves]
        if stopped:
            grads = [g.detach() for g in grads]
        return tuple(tree.unflatten(structure, grads))

    if not followed:
        out = tree.map_leaves(_detached if blocked else _untracked, out)
    return out, pull, followed


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
    flat, structure = _differentiable_leaves("jvp", list(primals))
    directions = _matching(
        "jvp", "tangents", list(tangents), "primals", flat, structure
    )
    before = dispatch.state.grad_enabled
    with dispatch.taping(True):
        leaves = track(flat)
        out = f(*tree.unflatten(structure, leaves))
        ys, out_structure = tree.flatten(out)
        dummies = track([zeros_of(y) for y in ys])
        found = pullback(ys, dummies, leaves)
        followed = before and any(_outside(y, leaves) for y in ys)
        dispatch.state.grad_enabled = followed
        reached = [
            (found[id(x.node), 0], d)
            for x, d in zip(leaves, directions, strict=True)
            if (id(x.node), 0) in found
        ]
        pulled = pullback([g for g, _ in reached], [d for _, d in reached], dummies)
    if not followed:
        out = tree.map_leaves(_untracked, out)
    tangent = [_filled(pulled.get((id(u.node), 0)), u) for u in dummies]
    return out, tree.unflatten(out_structure, tangent)
