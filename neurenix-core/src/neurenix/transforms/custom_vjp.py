"""nx.custom_vjp: a call whose derivative is given by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import dispatch, tree
from ..errors import InvalidArgumentError, ShapeError
from ..primitives import ops
from ..program import Program
from ..tensor import Tensor, tensor
from .capture import capture_flat
from .trees import flat_tensors, tensors_of
from .vjp_rule import VjpRule


def _followed(tensors: Sequence[Tensor]) -> bool:
    return dispatch.recorder() is not None or dispatch.taped(tensors)


class CustomVjp:
    """The result of `nx.custom_vjp`: call it as the function."""

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
        """The key of the functions of this rule, for a compiled function that calls
        it."""
        return self.f, self.forward, self.backward

    def __call__(self, *args: Any) -> Any:
        tensors, joined = tensors_of(args)
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
        backward_of = self.backward
        found: list[Any] = []

        def body(*values: Tensor) -> list[Tensor]:
            flat, structure = flat_tensors(self.f(*joined(values)))
            found[:] = [structure]
            return flat

        types = [t.type for t in tensors]
        devices = [t.device for t in tensors]
        program, closed = capture_flat(body, types, devices)
        (structure,) = found
        produced: list[bool] = []  # of each argument, known once pull has run

        def pull(*values: Tensor) -> list[Tensor]:
            arguments, cotangents = values[: len(tensors)], values[len(tensors) :]
            residuals = self._residuals(joined(arguments), structure, program)
            gs = backward_of(residuals, tree.unflatten(structure, list(cotangents)))
            return self._checked(args, gs, produced)

        given = [*types, *program.output_types]
        backward, more = capture_flat(pull, given)
        # one list of inputs for both: arguments, then what either closes over
        body_program = Program(
            [*program.inputs, *backward.inputs[len(given) :]],
            program.instructions,
            program.outputs,
        )
        rule = VjpRule(
            name=self.__name__,
            backward=lambda: backward,
            arguments=len(tensors),
            closed=len(closed),
            produced=tuple(produced),
        )
        inputs = [*tensors, *closed, *more]
        outputs = ops.call(*inputs, body=body_program, vjp=rule)
        return tree.unflatten(structure, outputs)

    def _residuals(self, args: Any, structure: Any, program: Program) -> Any:
        """The residuals that the forward function returns; its outputs must be like the
        function's own."""
        assert self.forward is not None
        pair = self.forward(*args)
        if not (isinstance(pair, tuple) and len(pair) == 2):
            raise InvalidArgumentError(
                f"{self.__name__}: the forward function of a custom_vjp returns "
                "(outputs, residuals)"
            )
        flat, same = flat_tensors(pair[0])
        if same != structure or [x.type for x in flat] != program.output_types:
            raise ShapeError(
                f"{self.__name__}: forward gives {[x.type for x in flat]}, "
                f"the function itself {program.output_types}"
            )
        return pair[1]

    def _checked(self, args: Any, gs: Any, produced: list[bool]) -> list[Tensor]:
        if not isinstance(gs, tuple) or len(gs) != len(args):
            what = f"{len(gs)} items" if isinstance(gs, tuple) else type(gs).__name__
            raise InvalidArgumentError(
                f"{self.__name__}: backward returns a tuple with one cotangent "
                f"for each of the {len(args)} arguments; got {what}"
            )
        results: list[Tensor] = []
        produced.clear()
        for k, (argument, g) in enumerate(zip(args, gs, strict=True)):
            leaves, structure = tree.flatten(argument)
            tensors = [x for x in leaves if isinstance(x, Tensor)]
            if g is None:
                produced += [False] * len(tensors)
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
            produced += [x.dtype.is_floating for x in tensors]
            results += [x.value() for x in given if x.dtype.is_floating]
        return results


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
