"""Functions whose derivative is made another way: computed anew, or given by hand.

Either is one `call`, whose body says so in its notes; see `regions`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import dispatch, tree
from ..errors import InvalidArgumentError, NotDifferentiableError, ShapeError
from ..passes.prune import without_dead_code
from ..primitives import ops
from ..program import Program
from ..tensor import Tensor, tensor
from .capture import capture_flat


def _split(arguments: Any) -> tuple[list[Tensor], Callable[[Sequence[Tensor]], Any]]:
    """The tensors of a tree, and what puts others in their place."""
    leaves, structure = tree.flatten(arguments)
    at = [i for i, x in enumerate(leaves) if isinstance(x, Tensor)]

    def joined(tensors: Sequence[Tensor]) -> Any:
        filled = list(leaves)
        for i, x in zip(at, tensors, strict=True):
            filled[i] = x
        return tree.unflatten(structure, filled)

    return [leaves[i].value() for i in at], joined


def _flat(outputs: Any) -> tuple[list[Tensor], Any]:
    leaves, structure = tree.flatten(outputs)
    return [
        x.value() if isinstance(x, Tensor) else tensor(x) for x in leaves
    ], structure


def _followed(tensors: Sequence[Tensor]) -> bool:
    return dispatch.recorder() is not None or (
        dispatch.state.grad_enabled and any(t.node is not None for t in tensors)
    )


def remat(f: Callable[..., Any]) -> Callable[..., Any]:
    """f, whose derivative computes its forward values again instead of keeping them:
    memory for time. Only its inputs are kept.

    Arguments and results are trees; tensors that f closes over are kept like its
    inputs. Random draws are the same again. It gives the same values as f, to the last
    bit; where chains are fused, fused sums may be added up in another order. A program
    holds it as one call; the pullback reads the inputs through a `barrier`, so that no
    pass merges the second computation with the first. For what is called often,
    `nx.compile(nx.remat(f))` is captured and differentiated once.

    Chen et al. 2016, https://arxiv.org/abs/1604.06174 (there called checkpointing; the
    word is kept for files here).

    >>> import neurenix as nx
    >>> block = nx.remat(lambda x: nx.sin(nx.sin(x)).sum())
    >>> nx.grad(block)(nx.tensor([0.0])).tolist()
    [1.0]
    """
    if not callable(f):
        raise InvalidArgumentError(f"remat: {f!r} is not callable")

    def run(*args: Any, **kwargs: Any) -> Any:
        tensors, joined = _split((args, kwargs))
        found: list[Any] = []

        def body(*values: Tensor) -> list[Tensor]:
            a, k = joined(values)
            flat, structure = _flat(f(*a, **k))
            found[:] = [structure]
            return flat

        plain = dispatch.recorder() is None and not dispatch.state.grad_enabled
        if plain or dispatch.eagerly():
            return f(*args, **kwargs)
        program, lifted = capture_flat(
            body, [t.type for t in tensors], [t.device for t in tensors]
        )
        program = without_dead_code(program)
        program.notes["remat"] = True
        return tree.unflatten(found[0], ops.call(*tensors, *lifted, body=program))

    run.__name__ = getattr(f, "__name__", "remat")
    run.__doc__ = f.__doc__
    return run


class CustomVjp:
    """What `nx.custom_vjp` gives: call it as the function."""

    def __init__(self, f: Callable[..., Any]) -> None:
        if not callable(f):
            raise InvalidArgumentError(f"custom_vjp: {f!r} is not callable")
        self.f = f
        self.forward: Callable[..., Any] | None = None
        self.backward: Callable[..., Any] | None = None
        self.__name__ = getattr(f, "__name__", "function")
        self.__doc__ = f.__doc__

    def defvjp(
        self, forward: Callable[..., Any], backward: Callable[..., Any]
    ) -> CustomVjp:
        """State the derivative; returns the function itself.

        forward   (*args) -> (outputs, residuals), the residuals being any tree
        backward  (residuals, cotangents like the outputs) -> a tuple, for each argument
                  a tree like it, or None where it has no derivative
        """
        for name, given in (("forward", forward), ("backward", backward)):
            if not callable(given):
                raise InvalidArgumentError(f"defvjp: {name}={given!r} is not callable")
        self.forward, self.backward = forward, backward
        return self

    def depends_on(self) -> tuple[Any, ...]:
        """What a compiled function depends on that calls this one."""
        return self.f, self.forward, self.backward

    def __call__(self, *args: Any) -> Any:
        tensors, joined = _split(args)
        if not _followed(tensors):
            out = self.f(*args)
            if not _followed(
                [x for x in tree.flatten(out)[0] if isinstance(x, Tensor)]
            ):
                return out  # else it closes over what is followed
        if self.forward is None or self.backward is None:
            raise InvalidArgumentError(
                f"{self.__name__}: custom_vjp without a derivative; "
                "call defvjp(forward, backward) first"
            )
        found: list[Any] = []

        def body(*values: Tensor) -> list[Tensor]:
            flat, structure = _flat(self.f(*joined(values)))
            found[:] = [structure]
            return flat

        types = [t.type for t in tensors]
        devices = [t.device for t in tensors]
        program, closed = capture_flat(body, types, devices)
        (structure,) = found
        pull = self._pull(args, joined, structure, program.output_types, len(tensors))
        given = [*types, *program.output_types]
        backward, more = capture_flat(pull, given)
        # one list of inputs for both: arguments, then what either closes over
        body_program = Program(
            [*program.inputs, *backward.inputs[len(given) :]],
            program.instructions,
            program.outputs,
        )
        body_program.notes["rule"] = _Rule(
            self.__name__, backward, len(tensors), len(closed), self.produced
        )
        outputs = ops.call(*tensors, *closed, *more, body=body_program)
        return tree.unflatten(structure, outputs)

    def _pull(
        self, args: Any, joined: Any, structure: Any, out_types: Any, count: int
    ) -> Callable[..., list[Tensor]]:
        """(arguments, cotangents of all outputs) -> cotangents of the arguments that
        have one."""
        assert self.forward is not None and self.backward is not None
        forward, backward = self.forward, self.backward

        def pull(*values: Tensor) -> list[Tensor]:
            pair = forward(*joined(values[:count]))
            if not (isinstance(pair, tuple) and len(pair) == 2):
                raise InvalidArgumentError(
                    f"{self.__name__}: the forward function of a custom_vjp returns "
                    "(outputs, residuals)"
                )
            flat, same = _flat(pair[0])
            if same != structure or [x.type for x in flat] != list(out_types):
                raise ShapeError(
                    f"{self.__name__}: forward gives {[x.type for x in flat]}, "
                    f"the function itself {list(out_types)}"
                )
            gs = backward(pair[1], tree.unflatten(structure, list(values[count:])))
            return self._checked(args, gs)

        return pull

    def _checked(self, args: Any, gs: Any) -> list[Tensor]:
        if not isinstance(gs, tuple) or len(gs) != len(args):
            what = f"{len(gs)} items" if isinstance(gs, tuple) else type(gs).__name__
            raise InvalidArgumentError(
                f"{self.__name__}: backward returns a tuple with one cotangent "
                f"for each of the {len(args)} arguments; got {what}"
            )
        results: list[Tensor] = []
        self.produced: list[bool] = []
        for k, (argument, g) in enumerate(zip(args, gs, strict=True)):
            leaves, structure = tree.flatten(argument)
            tensors = [x for x in leaves if isinstance(x, Tensor)]
            if g is None:
                self.produced += [False] * len(tensors)
                continue
            given, same = tree.flatten(g)
            given = [x if isinstance(x, Tensor) else tensor(x) for x in given]
            wanted = [x.type for x in leaves if isinstance(x, Tensor)]
            if (
                same != structure
                or len(tensors) != len(leaves)
                or [x.type for x in given] != wanted
            ):
                raise ShapeError(
                    f"{self.__name__}: backward gives {[x.type for x in given]} as the "
                    f"cotangent of argument {k}, which is {wanted}"
                )
            self.produced += [x.dtype.is_floating for x in tensors]
            results += [x.value() for x in given if x.dtype.is_floating]
        return results


class _Rule:
    """The reverse of a body, given by hand. `regions` asks it in place of the tape."""

    def __init__(
        self,
        name: str,
        backward: Program,
        arguments: int,
        closed: int,
        produced: Sequence[bool],
    ) -> None:
        self.name = name
        self.backward = backward
        self.arguments = arguments
        self.closed = closed
        self.produced = list(produced)

    def pull(
        self,
        inputs: Sequence[Tensor],
        cotangents: Sequence[Tensor],
        needed: Sequence[bool],
        emit: Callable[[Program, Sequence[Tensor]], list[Tensor]],
    ) -> list[Tensor | None]:
        """Cotangents of the inputs of the body (None: none, or not asked for)."""
        n = self.arguments
        if any(needed[n:]):
            raise NotDifferentiableError(
                f"{self.name}: a custom_vjp closes over a tensor that is being "
                "differentiated; pass it as an argument"
            )
        rest = inputs[n + self.closed :]
        values = iter(emit(self.backward, [*inputs[:n], *cotangents, *rest]))
        found = [next(values) if p else None for p in self.produced]
        found += [None] * (len(inputs) - n)
        return [g if k else None for g, k in zip(found, needed, strict=True)]


def custom_vjp(f: Callable[..., Any]) -> CustomVjp:
    """f with a derivative of one's own: `f.defvjp(forward, backward)`, see there.

    The rule holds everywhere: eagerly, in programs, under vmap, map and jvp. Its own
    derivative is that of `backward` and `forward`. Tensors that the functions close
    over count as constants; to differentiate by one is an error. Arguments that are no
    tensors are static.

    Raises ShapeError, naming the argument, for a cotangent of another shape or dtype.

    >>> import neurenix as nx
    >>> @nx.custom_vjp
    ... def clipped(x):
    ...     return x
    >>> _ = clipped.defvjp(lambda x: (x, None), lambda _, g: (nx.clip(g, -1.0, 1.0),))
    >>> nx.grad(lambda x: (clipped(x) * 5.0).sum())(nx.ones(2)).tolist()
    [1.0, 1.0]
    """
    return CustomVjp(f)
