"""nx.compile: a function, captured once as a program and handed whole to the engine."""

from __future__ import annotations

import functools
import sys
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, overload

from .. import dispatch, random, tree
from ..backends.protocol import FLOAT32
from ..dtypes import uint32
from ..errors import InvalidArgumentError
from ..passes.prune import without_dead_code
from ..primitives import TensorType, ops
from ..program import Program, Symbol
from ..settings import current_device, current_precision
from ..state.cell import Cell
from ..state.dependencies import Dependencies, Numbers
from ..state.dependencies.objects import is_frozen
from ..state.locks import lock_of
from ..tensor import Tensor, literal, tensor
from . import eager
from .capture import CAPTURING, capturing, symbol_tensors
from .compiled_capture import BodyCapture, StateCapture
from .entry import Entry
from .several_steps import refuse_tape, run_steps, split
from .stateful import StatefulFunction
from .statics import key_of_argument, with_tensors
from .statistics import CompileStats, register

_CACHE_BOUND = 64
_CALLABLES = 16  # functions among arguments that are kept in mind
_NUMBER = TensorType((), uint32)


def constant(x: Any) -> Tensor:
    """x as a constant of whatever is captured: the way to tell `compile` that a tensor
    from outside never changes."""
    if isinstance(x, Tensor):
        return x if isinstance(x.data, Symbol) else literal(x.numpy(), x.dtype)
    fixed = tensor(x)
    return literal(fixed.numpy(), fixed.dtype)


@overload
def compile(
    f: Callable[..., Any], state: Any = ..., guard: bool = ..., verbose: bool = ...
) -> Compiled: ...


@overload
def compile(
    f: None = ..., state: Any = ..., guard: bool = ..., verbose: bool = ...
) -> Callable[[Callable[..., Any]], Compiled]: ...


def compile(
    f: Callable[..., Any] | None = None,
    state: Any = (),
    guard: bool = False,
    verbose: bool = False,
) -> Any:
    """f captured as one program for each (tree, shapes, dtypes, device, static values).

    Tensors among the arguments are inputs; numbers, strings and None are static.
    `state` lists what f reads and changes: modules, optimizers, generators, single
    parameters. Their values are bound once, and updated in place by each call.

    guard=True: the call returns (f's result, ok); where a loss or an update is not
    finite, ok is False and no state is changed.

    verbose=True: each new program says on stderr what it took; see `nx.compile_stats`.

    Threads may call it at once; where they share state, one after the other.

    Within another capture the call is one `call` instruction, derived once however
    often it is called; random numbers are drawn anew at each call. Under a tape (an
    argument requires grad, and there is no state) likewise.

    What a program depends on besides its arguments, so that a change of it, by a new
    value or in place, makes another program (or finds the one that there was):
      - what f and the functions that it calls read: closures, globals, defaults, what
        partials and bound methods hold, classes, and the code itself. Functions of the
        standard library, of NumPy, of this library and of other installed packages
        are taken to depend on nothing else
      - of objects, the attributes that this code reads by name (all, of dataclasses,
        namespaces, and where it reads computed names: getattr(x, name)); of modules
        and optimizers also their parts and their public numbers, strings and tuples
      - the parts of state: which parameters, buffers, modules and generators there
        are, also in lists, tuples and dicts
    Numbers of any kind, lists, dicts, sets and arrays count by content, functions by
    their code and all it reads, tensors and what the standard library makes of files,
    paths or locks by identity. An array that can be written to is compared at each
    call: what is large is better an argument, or read-only. What code only writes to
    (x.append(y), x[i] = y, n += 1) is no dependency: f runs once for each program, and
    so do its side effects.

    Raises CaptureError, naming it, where f draws from a random generator of the host or
    takes an item from an iterator, which a program would do once; where its code reads
    what cannot be looked into (Python generators, objects of extension modules that
    have no attributes); for a tensor from outside that is neither argument nor state
    (wrap it in nx.constant if it never changes), for a write to what is no state, and
    for control flow that depends on values. Whatever a failed capture changed is put
    back.

    >>> import neurenix as nx
    >>> double = nx.compile(lambda x: x * 2)
    >>> double(nx.tensor([1.0, 2.0])).tolist()
    [2.0, 4.0]

    Without f it is a decorator:

    >>> model = nx.nn.Linear(2, 1)
    >>> @nx.compile(state=[model])
    ... def predict(x):
    ...     return model(x)
    >>> predict(nx.ones(3, 2)).shape
    (3, 1)
    """
    if f is None:
        return functools.partial(compile, state=state, guard=guard, verbose=verbose)
    return Compiled(f, state, guard, verbose)


class Compiled(StatefulFunction):
    """The result of `nx.compile`: call it as the function. `entries` are its
    programs."""

    def __init__(
        self, f: Callable[..., Any], state: Any, guard: bool, verbose: bool = False
    ) -> None:
        super().__init__(f, state, guard)
        self.entries: OrderedDict[Any, Entry] = OrderedDict()
        self._bodies: OrderedDict[Any, Any] = OrderedDict()
        self._dependencies = Dependencies(
            self.__name__, f, self.state, Numbers(_CACHE_BOUND)
        )
        self._callables: OrderedDict[int, Dependencies] = OrderedDict()
        self._of_callables = Numbers(_CACHE_BOUND)
        self.verbose: bool = verbose
        self._stats = CompileStats(self.__name__, _CACHE_BOUND)
        # Its cells and their lock, by the number of what it depends on.
        self._owned: dict[int, tuple[AbstractContextManager[Any], list[Cell]]] = {}
        register(self)
        functools.update_wrapper(self, f, updated=())

    def __reduce__(self) -> Any:  # a copy makes programs of its own
        return Compiled, (self.f, self.state, self.guard, self.verbose)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        now = dispatch.state
        if now.eager and not now.recorders:
            return eager.call(self, args, kwargs)
        tensors: list[Tensor] = []
        key = self._key(args, kwargs, tensors)
        if now.recorders or (not self.state and dispatch.taped(tensors)):
            return self._nested(tensors, key, args, kwargs)
        with self._held(key):
            entry = self._entry(tensors, key, args, kwargs)
            outputs = entry(tensors)
        if self.guard:
            return tree.unflatten(entry.out_structure, outputs[:-1]), outputs[-1]
        return tree.unflatten(entry.out_structure, outputs)

    def run_steps(self, *args: Any, in_axes: Any = 0) -> Any:
        """Several calls in a row, by one crossing to the engine: what each returns,
        stacked. State and results are those of the single calls, to the bit.

        in_axes   0: every tensor has a leading axis, whose row i is step i's; None: all
                  steps share them; or an entry for each argument

        With guard=True, the last step is the first whose `ok` is False; what is
        returned has a row for each step that was made. Ctrl-C ends the call between
        two steps: StepsInterrupted, a KeyboardInterrupt, has the results so far.

        Raises ShapeError where the leading axes differ, CaptureError within another
        capture, InvalidArgumentError for an argument that requires grad.

        >>> import neurenix as nx
        >>> total = nx.Cell(nx.tensor(0.0))
        >>> def add(x):
        ...     total.assign(total + x)
        ...     return total.value()
        >>> step = nx.compile(add, state=[total])
        >>> step.run_steps(nx.tensor([1.0, 2.0, 3.0])).tolist()
        [1.0, 3.0, 6.0]
        """
        steps = split(f"{self.__name__}.run_steps", args, in_axes)
        if dispatch.eagerly():
            return eager.steps(self, steps.arguments, steps.count)
        refuse_tape(f"{self.__name__}.run_steps", steps)
        tensors: list[Tensor] = []
        key = self._key(steps.one, {}, tensors)
        with self._held(key):
            entry = self._entry(tensors, key, steps.one, {})
            types = [x.type for x in tensors]
            return run_steps(self.__name__, entry, steps, types, self.guard)

    def memory_bytes(self, *args: Any, **kwargs: Any) -> int | None:
        """Bytes that a call with these arguments takes beside what it is given, what it
        returns, and its state: what its device says, on the threads that there are now.
        The program is made, if it was not there, but does not run. None on a device
        that plans no memory.

        >>> import neurenix as nx
        >>> f = nx.compile(lambda x: nx.sort(x)[0].sum())
        >>> need = f.memory_bytes(nx.ones(1024))
        >>> need is None or need >= 4096
        True
        """
        tensors: list[Tensor] = []
        key = self._key(args, kwargs, tensors)
        with self._held(key):
            executable = self._entry(tensors, key, args, kwargs).executable
        return executable.memory_bytes()

    def version(self) -> int:
        """A number that tells what it depends on besides its arguments and the values
        of its state: another one where something of that has changed, so that a call
        now would make (or find) another program.

        >>> import neurenix as nx
        >>> model = nx.nn.Dropout(0.5)
        >>> f = nx.compile(lambda x: model(x), state=[model])
        >>> before = f.version()
        >>> model.p = 0.4
        >>> f.version() == before
        False
        """
        return self._dependencies.number()

    def _held(self, key: Any) -> AbstractContextManager[Any]:
        """The lock to hold while its state is used: threads take turns. Raises where
        something stands in for a cell, since programs are bound to the state itself."""
        owned = self._owned.get(key[0])
        if owned is None:
            cells = list(self.cells().values())
            lock = lock_of(cells) if self.state else nullcontext()
            owned = lock, cells
            if len(self._owned) >= _CACHE_BOUND:
                self._owned.clear()
            self._owned[key[0]] = owned
        self.refuse_stand_ins(owned[1])
        return owned[0]

    def _entry(
        self, tensors: Sequence[Tensor], key: Any, args: Any, kwargs: Any
    ) -> Entry:
        entry = self.entries.get(key)
        if entry is not None:
            self._stats.hits += 1
            return entry
        with CAPTURING:
            entry = self.entries.get(key)  # another thread may have made it
            if entry is None:
                entry = self._compile(tensors, args, kwargs)
                self._stats.misses += 1
                self.entries[key] = entry
                if len(self.entries) > _CACHE_BOUND:
                    self.entries.popitem(last=False)
                if self.verbose:
                    print(f"nx.compile: {self.stats()}", file=sys.stderr)
            return entry

    def stats(self) -> CompileStats:
        """The costs of this function so far; see `nx.compile_stats`."""
        self._stats.entries = len(self.entries)
        sizes = [entry.program.size() for entry in self.entries.values()]
        self._stats.instructions = sum(sizes)
        return self._stats

    # ---- keys ------------------------------------------------------------------------

    def _key(self, args: Any, kwargs: Any, tensors: list[Tensor]) -> Any:
        """The key of a call: everything that the program depends on. The tensors of the
        arguments join `tensors`."""
        key: list[Any] = [self._dependencies.number()]
        for x in args:
            if type(x) is Tensor:
                tensors.append(x)
                key.append(x.type)
            else:
                key.append(
                    key_of_argument(self.__name__, x, tensors, self._of_callable)
                )
        if kwargs:
            key.append(
                key_of_argument(self.__name__, kwargs, tensors, self._of_callable)
            )
        key.append(len(args))  # else the last one could be all keywords
        for x in tensors:
            if x.device is not None:
                key.append(x.device)
                break
        else:
            if not self.state:  # its constants go there
                key.append(current_device())
        precision = current_precision()
        if precision != FLOAT32:
            key.append(precision)
        return tuple(key)

    def _of_callable(self, f: Any) -> Any:
        """The key of a function among the arguments."""
        if is_frozen(f):
            return f
        dependencies = self._callables.get(id(f))
        if dependencies is None:
            dependencies = Dependencies(self.__name__, f, (), self._of_callables)
            self._callables[id(f)] = dependencies
            if len(self._callables) > _CALLABLES:
                with suppress(KeyError):  # another thread may have emptied it
                    self._callables.popitem(last=False)
        return dependencies.number()

    def depends_on(self) -> tuple[Any, ...]:
        """The key of this function, for a compiled function that calls it."""
        return self.f, tuple(self.state), self.guard

    # ---- capture ---------------------------------------------------------------------

    def _compile(self, tensors: Sequence[Tensor], args: Any, kwargs: Any) -> Entry:
        cells = list(self.cells().values())
        homes = [c.device for c in cells] + [t.device for t in tensors]
        device = next((d for d in homes if d is not None), None) or current_device()
        for d in homes:
            if d is not None and d != device:
                raise InvalidArgumentError(
                    f"{self.__name__}: its state and arguments live "
                    f"on {device} and {d}; move them to one"
                )
        capture = StateCapture(self, cells, [t.type for t in tensors])
        with self._stats.timed("capture"), capture:
            arguments = symbol_tensors(capture.inputs, [device] * len(capture.inputs))
            args, kwargs = with_tensors(args, kwargs, arguments)
            with self._dependencies.taking_nothing():
                out = self.f(*args, **kwargs)
            leaves, out_structure = tree.flatten(out)
            outputs = [
                x.value() if isinstance(x, Tensor) else tensor(x) for x in leaves
            ]
            for owner in self.owners:
                owner.end_capture()
            program, order, written = capture.finish(outputs, self.guard)
        with self._stats.timed("passes"):
            program = dispatch.prepare_for(program, device)
        with self._stats.timed("backend"):
            executable = dispatch.compile_for(program, device, written)
        self._stats.planned(executable.plan_seconds)
        return Entry(
            program,
            executable,
            [cells[i] for i in order],
            written,
            out_structure,
            device,
            self.guard,
        )

    def _nested(
        self, tensors: Sequence[Tensor], key: Any, args: Any, kwargs: Any
    ) -> Any:
        if self.state:  # whose state it is, the outer program decides
            args, kwargs = with_tensors(args, kwargs, tensors)
            return self.f(*args, **kwargs)
        outer: Any = dispatch.recorder()
        captured = self._bodies.get(key)
        if captured is None or (captured[2] and captured[3]() is not outer):
            captured = self._capture_body(tensors, args, kwargs, outer)
            self._bodies[key] = captured
            if len(self._bodies) > _CACHE_BOUND:
                self._bodies.popitem(last=False)
        program, out_structure, lifted, _, draws = captured
        inputs = [*tensors, *lifted]
        if draws:
            inputs.insert(len(tensors), outer.next_call())
        return tree.unflatten(out_structure, ops.call(*inputs, body=program))

    def _capture_body(
        self, tensors: Sequence[Tensor], args: Any, kwargs: Any, outer: Any
    ) -> Any:
        """The body; what it returns and lifts, and for whom; whether it draws random
        numbers: then its keys fold in which call it is, an operand after the tensors.
        """
        capture = BodyCapture(
            self.__name__, self.f, [*(t.type for t in tensors), _NUMBER]
        )
        devices = [*(t.device for t in tensors), None]
        with capturing(capture):
            *symbols, call = symbol_tensors(capture.inputs, devices)
            args, kwargs = with_tensors(args, kwargs, symbols)
            with random.within(call), self._dependencies.taking_nothing():
                leaves, out_structure = tree.flatten(self.f(*args, **kwargs))
            program = capture.program(
                [x.value() if isinstance(x, Tensor) else tensor(x) for x in leaves]
            )
        program = without_dead_code(program)
        number = program.inputs[len(tensors)]
        draws = any(number in i.inputs for i in program.instructions)
        if not draws:
            inputs = [s for s in program.inputs if s is not number]
            program = Program(inputs, program.instructions, program.outputs)
        owner = weakref.ref(outer) if outer is not None else (lambda: None)
        return program, out_structure, capture.lifted, owner, draws
