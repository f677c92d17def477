"""vmap, map and scan: one example's function over many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import dispatch, random, tree
from ..arguments import function, whole
from ..dtypes import uint32
from ..errors import InvalidArgumentError, ShapeError
from ..passes.prune import without_dead_code
from ..primitives import TensorType, ops
from ..primitives.shorthands import move_axis
from ..tensor import Tensor, literal, tensor
from . import eager
from .capture import capture_flat
from .regions import vmapped


def _tensors(name: str, args: Sequence[Any]) -> tuple[list[Tensor], Any]:
    leaves, structure = tree.flatten(list(args))
    return [
        (x if isinstance(x, Tensor) else tensor(x)).value() for x in leaves
    ], structure


def _spread_axes(name: str, in_axes: Any, args: Sequence[Any]) -> list[int | None]:
    """One entry for each leaf: the mapped axis, or None where it is shared."""
    per_argument = (
        in_axes if isinstance(in_axes, (tuple, list)) else [in_axes] * len(args)
    )
    if len(per_argument) != len(args):
        raise InvalidArgumentError(
            f"{name}: in_axes has {len(per_argument)} entries for {len(args)} arguments"
        )
    axes: list[int | None] = []
    for a, argument in zip(per_argument, args, strict=True):
        if a is not None and not _is_int(a):
            raise InvalidArgumentError(
                f"{name}: in_axes entry {a!r}; expected an int or None"
            )
        axes += [None if a is None else int(a)] * len(tree.flatten(argument)[0])
    return axes


def _to_front(
    name: str, leaves: Sequence[Tensor], axes: Sequence[int | None]
) -> tuple[list[Tensor], int]:
    moved, sizes = [], set()
    for x, a in zip(leaves, axes, strict=True):
        if a is None:
            moved.append(x)
            continue
        if not -x.ndim <= a < x.ndim:
            some = f"{-x.ndim} to {x.ndim - 1}" if x.ndim else "None: it has no axis"
            raise ShapeError(
                f"{name}: in_axes has axis {a} for a tensor of shape {x.shape}; "
                f"expected {some}"
            )
        moved.append(move_axis(x, a % x.ndim, 0))
        sizes.add(x.shape[a])
    if len(sizes) != 1:
        listed = ", ".join(
            str(x.shape) for x, a in zip(leaves, axes, strict=True) if a is not None
        )
        raise ShapeError(
            f"{name}: the mapped axes must have one size; "
            f"the mapped arguments are {listed or 'none'}"
        )
    return moved, sizes.pop()


def _is_int(a: Any) -> bool:
    return isinstance(a, (int, np.integer)) and not isinstance(a, bool)


def _placed(x: Tensor, out_axes: int) -> Tensor:
    """Moves the new axis from the front to where the caller wants it."""
    if not -x.ndim <= out_axes < x.ndim:
        raise ShapeError(
            f"vmap: out_axes={out_axes} for an output of shape {x.shape[1:]} with a "
            f"new axis; expected {-x.ndim} to {x.ndim - 1}"
        )
    return move_axis(x, 0, int(out_axes) % x.ndim)


class _Body:
    """The function of one example on flat tensors; remembers its output's tree."""

    def __init__(
        self, f: Callable[..., Any], structure: Any, first: Tensor | None = None
    ) -> None:
        self.f = f
        self.structure = structure
        self.first = first
        self.out_structure: Any = None

    def __call__(self, index: Tensor, *leaves: Tensor) -> list[Tensor]:
        with random.within(index if self.first is None else ops.add(index, self.first)):
            out = self.f(*tree.unflatten(self.structure, list(leaves)))
        flat, self.out_structure = tree.flatten(out)
        return [x.value() if isinstance(x, Tensor) else tensor(x) for x in flat]


def _settled(outputs: Sequence[Tensor], leaves: Sequence[Tensor]) -> list[Tensor]:
    """Outputs that depend on no argument move to the arguments' device."""
    home = next((x.device for x in leaves if x.device is not None), None)
    return [o.settled(home) for o in outputs]


def _one_example(x: Tensor, mapped: bool) -> TensorType:
    return TensorType(x.shape[1:] if mapped else x.shape, x.dtype)


def _index_of(size: int) -> Tensor:
    """Iteration numbers, which random keys fold in."""
    return ops.iota(shape=(size,), axis=0, dtype=uint32)


_INDEX = TensorType((), uint32)


def vmap(
    f: Callable[..., Any], in_axes: Any = 0, out_axes: int = 0
) -> Callable[..., Any]:
    """f over an axis of its arguments, as one batch: each operation is done for all.

    in_axes    the axis for all arguments, or an entry (int, or None: shared) for each
    out_axes   where the new axis stands in every output

    Arguments and outputs are trees.

    Raises ShapeError if the mapped axes differ in size, or for an axis that an argument
    or output has not.

    >>> import neurenix as nx
    >>> nx.vmap(lambda a, b: (a * b).sum())(nx.ones(3, 2), nx.ones(3, 2)).tolist()
    [2.0, 2.0, 2.0]
    """

    function("vmap", f)
    if not _is_int(out_axes):
        raise InvalidArgumentError(f"vmap: out_axes={out_axes!r}; expected an int")

    def run(*args: Any) -> Any:
        leaves, structure = _tensors("vmap", args)
        axes = _spread_axes("vmap", in_axes, args)
        leaves, size = _to_front("vmap", leaves, axes)
        flags = [a is not None for a in axes]
        body = _Body(f, structure)
        if size and dispatch.eagerly():
            outputs = eager.looped("vmap", body, leaves, flags, size)
            placed = [move_axis(o, 0, out_axes % o.ndim) for o in outputs]
            return tree.unflatten(body.out_structure, _settled(placed, leaves))
        types = [
            _INDEX,
            *(_one_example(x, m) for x, m in zip(leaves, flags, strict=True)),
        ]
        program, lifted = capture_flat(body, types, [None, *(x.device for x in leaves)])
        program = without_dead_code(program)
        inputs = [_index_of(size), *leaves, *lifted]
        outputs = vmapped(program, inputs, [True, *flags, *[False] * len(lifted)], size)
        placed = _settled([_placed(o, out_axes) for o in outputs], leaves)
        return tree.unflatten(body.out_structure, placed)

    return run


def map(
    f: Callable[..., Any],
    in_axes: Any = 0,
    reduce: str | None = None,
    chunk: int = 0,
    first: int | Tensor = 0,
) -> Callable[..., Any]:
    """f over the leading axis of its arguments, as independent iterations.

    The engine gets the function of one example as a region, and runs an iteration's
    whole chain on one core (or block), in its cache. Tensors that f closes over are
    shared.

    in_axes  0, or one entry (0, or None: shared) for each argument
    reduce   None: outputs are stacked; "sum" or "mean": reduced over the iterations, in
             an order that depends on their number alone
    chunk    at most so many iterations at once, to bound memory; 0: the engine chooses.
             It never changes a result.
    first    the number of the first iteration, which random keys fold in: where these
             are a part of more iterations, others of which run elsewhere. A tensor
             (uint32, rank 0) makes no program of its own for each number

    Sums over 2ⁿ iterations from a multiple of 2ⁿ on are branches of the tree in which
    the sum over all iterations is added up.

    >>> import neurenix as nx
    >>> nx.map(lambda x: (x * x).sum(), reduce="mean")(nx.tensor([[1.0], [3.0]])).item()
    5.0
    """
    function("map", f)
    if reduce not in (None, "sum", "mean"):
        raise InvalidArgumentError(
            f'map: reduce={reduce!r}; expected None, "sum" or "mean"'
        )
    if not isinstance(chunk, int) or chunk < 0:
        raise InvalidArgumentError(
            f"map: chunk={chunk!r}; expected an int of 0 or more"
        )
    offset = _first_number(first)

    def run(*args: Any) -> Any:
        leaves, structure = _tensors("map", args)
        axes = _spread_axes("map", in_axes, args)
        leaves, size = _to_front("map", leaves, axes)
        flags = [a is not None for a in axes]
        body = _Body(f, structure, offset)
        if size and dispatch.eagerly():
            outputs = eager.looped("map", body, leaves, flags, size)
            if reduce is not None:  # in the order of the engine
                outputs = list(_reduced(outputs, reduce))
            return tree.unflatten(body.out_structure, _settled(outputs, leaves))
        types = [
            _INDEX,
            *(_one_example(x, m) for x, m in zip(leaves, flags, strict=True)),
        ]
        program, lifted = capture_flat(body, types, [None, *(x.device for x in leaves)])
        program = without_dead_code(program)
        outputs = ops.map(
            _index_of(size),
            *leaves,
            *lifted,
            body=program,
            iterations=size,
            mapped=(True, *flags, *(False,) * len(lifted)),
            summed=(reduce is not None,) * len(program.outputs),
            chunk=chunk,
        )
        if reduce == "mean":
            outputs = [o * (1.0 / size) for o in outputs]
        outputs = _settled(outputs, leaves)
        return tree.unflatten(body.out_structure, outputs)

    return run


def _first_number(first: int | Tensor) -> Tensor | None:
    """What a map's iteration numbers begin with; None where that is 0."""
    if isinstance(first, Tensor):
        if first.dtype is not uint32 or first.shape:
            raise ShapeError(
                f"map: first is a {first.dtype.name} tensor of shape {first.shape}; "
                "expected uint32 of shape ()"
            )
        return first.value()
    number = whole("map", "first", first, 0)
    return literal(np.asarray(number), uint32) if number else None


def _reduced(stacked: Sequence[Tensor], reduce: str) -> list[Tensor]:
    """The sums or means over the leading axis, in the order in which `map` adds up."""
    size = stacked[0].shape[0] if stacked else 0
    types = [_INDEX, *(_one_example(x, True) for x in stacked)]
    program, _ = capture_flat(lambda index, *rows: list(rows), types)
    sums = ops.map(
        _index_of(size),
        *stacked,
        body=program,
        iterations=size,
        mapped=(True,) * len(types),
        summed=(True,) * len(stacked),
        chunk=0,
    )
    return [s * (1.0 / size) for s in sums] if reduce == "mean" else list(sums)


def scan(
    f: Callable[..., Any], init: Any, xs: Any = None, length: int | None = None
) -> tuple[Any, Any]:
    """(carry, y) = f(carry, x) for each x along the leading axis of xs: the last carry,
    and the ys stacked. It is captured once, however many iterations there are.

    The carry keeps its tree, shapes and dtypes. Without xs, f gets None and `length`
    says how often. Differentiable: the carries of every iteration are kept, and of what
    the body computes what would be costly to compute again (nx.remat: nothing of it).

    A loop of Python is captured iteration by iteration instead, and each of its
    instructions is differentiated, simplified and planned: some 0.13 ms for each, once
    for a program. See docs/performance.md for a recurrent network within MAML.

    >>> import neurenix as nx
    >>> last, ys = nx.scan(lambda c, x: (c + x, c), nx.tensor(0.0), nx.ones(3))
    >>> last.item(), ys.tolist()
    (3.0, [0.0, 1.0, 2.0])
    """
    function("scan", f)
    carry, carry_structure = _tensors("scan", [init])
    sequences, structure = _tensors("scan", [xs])
    sizes = {x.shape[0] if x.shape else None for x in sequences} | (
        {length} if length is not None else set()
    )
    if len(sizes) != 1 or None in sizes:
        raise ShapeError(
            f"scan: xs of shapes {[x.shape for x in sequences]} and length={length} "
            "do not name one number of iterations"
        )
    count = int(sizes.pop() or 0)
    n = len(carry)
    found: list[Any] = []

    def body(*values: Tensor) -> list[Tensor]:
        with random.within(values[n]):
            c = tree.unflatten(carry_structure, list(values[:n]))[0]
            x = tree.unflatten(structure, list(values[n + 1 :]))[0]
            out = f(c, x)
        if not (isinstance(out, tuple) and len(out) == 2):
            raise InvalidArgumentError("scan: the function returns (carry, y)")
        new, same = tree.flatten([out[0]])
        ys, y_structure = tree.flatten(out[1])
        if same != carry_structure:
            raise ShapeError(
                f"scan: the carry's tree is {carry_structure} and comes out as {same}"
            )
        found[:] = [y_structure]
        new = [
            c if isinstance(c, Tensor) else tensor(c, dtype=t.dtype)
            for c, t in zip(new, carry, strict=True)
        ]
        return [x.value() if isinstance(x, Tensor) else tensor(x) for x in [*new, *ys]]

    if count and dispatch.eagerly():
        finals, stacks = eager.scanned(body, carry, sequences, count)
        last = tree.unflatten(carry_structure, finals)[0]
        return last, tree.unflatten(found[0], stacks)
    types = [
        *(x.type for x in carry),
        _INDEX,
        *(_one_example(x, True) for x in sequences),
    ]
    devices = [*(x.device for x in carry), None, *(x.device for x in sequences)]
    program, lifted = capture_flat(body, types, devices)
    # what was lifted goes first: consts, then carries, then xs
    k = len(lifted)
    inputs = (*program.inputs[len(types) :], *program.inputs[: len(types)])
    program = without_dead_code(
        type(program)(inputs, program.instructions, program.outputs)
    )
    outputs = ops.scan(
        *lifted,
        *carry,
        _index_of(count),
        *sequences,
        body=program,
        length=count,
        consts=k,
        carries=n,
        reverse=False,
    )
    last = tree.unflatten(carry_structure, outputs[:n])[0]
    return last, tree.unflatten(found[0], outputs[n : len(outputs) - n])
