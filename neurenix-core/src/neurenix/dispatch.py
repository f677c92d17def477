"""Dispatches a primitive: runs it on a device, or records it in a program.

State is per thread: the programs being captured, innermost last, and whether the tape
records.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from typing import Any, NamedTuple, Protocol

from .attributes import Version
from .backends import discovery
from .backends.by_methods import as_executable
from .backends.debug import CheckedExecutable, debugging
from .backends.failures import raise_failure
from .backends.lacking import lacking
from .backends.leaving import leaving
from .backends.protocol import Executable
from .devices import Device
from .errors import DeviceError, DtypeError
from .passes.pipeline import Target, fusing, prepare
from .primitives import Primitive, TensorType
from .primitives.sources import ConstantArray
from .program import Instruction, Program, Symbol, params_key
from .program.memo import derived
from .settings import current_precision, forgetting
from .sizes import check_size


class Recorder(Protocol):
    """A capture under way."""

    def record(
        self,
        primitive: Primitive,
        inputs: Sequence[Any],
        params: dict[str, Any],
        types: Sequence[TensorType],
    ) -> list[Symbol]: ...
    def write(self, cell: Any, value: Any) -> None: ...
    def begin_following(self, leaf: Any) -> None: ...
    def outside(self, what: str, remark: str) -> None: ...


class Taping(Enum):
    """Whether operations go on the tape."""

    ON = "on"
    OFF = "off"
    # set by no_grad within a capture: no derivative of the program passes through
    # either
    STOPPED = "stopped"


ON, OFF, STOPPED = Taping  # read at every operation


class _State(threading.local):
    def __init__(self) -> None:
        self.recorders: list[Recorder] = []
        self.taping = ON
        self.eager = False  # whether nothing is to be captured: see debug.py


state = _State()


def recorder() -> Recorder | None:
    """The innermost capture of this thread, if any."""
    return state.recorders[-1] if state.recorders else None


def eagerly() -> bool:
    """Whether compiled functions and regions run as ordinary Python."""
    return state.eager and not state.recorders


@contextmanager
def recording(into: Recorder) -> Iterator[None]:
    """Records operations in a program, which knows nothing of the tape outside:
    `no_grad` counts within it only."""
    state.recorders.append(into)
    try:
        with taping(ON):
            yield
    finally:
        state.recorders.pop()


@contextmanager
def no_grad() -> Iterator[None]:
    """Within it nothing is recorded for derivatives.

    >>> import neurenix as nx
    >>> x = nx.tensor(2.0, requires_grad=True)
    >>> with nx.no_grad():
    ...     y = x * x
    >>> y.requires_grad
    False
    """
    with taping(STOPPED if state.recorders else OFF):
        yield


class _Taped:
    """The context of `taping`; a class, since a generator would take as long as a short
    derivative."""

    __slots__ = ("before", "how")

    def __init__(self, how: Taping) -> None:
        self.how = how

    def __enter__(self) -> None:
        self.before, state.taping = state.taping, self.how

    def __exit__(self, *_: object) -> None:
        state.taping = self.before


def taping(how: Taping) -> AbstractContextManager[None]:
    """Sets whether operations go on the tape within it, whatever holds outside."""
    return _Taped(how)


def taped(tensors: Iterable[Any]) -> bool:
    """Whether an operation on these tensors goes on the tape."""
    if state.taping is ON:
        for x in tensors:
            if x.node is not None:
                return True
    return False


@contextmanager
def outside_captures() -> Iterator[None]:
    """Runs operations now, although a program is being captured around them."""
    before, state.recorders = state.recorders, []
    try:
        yield
    finally:
        state.recorders = before


# ---- types, and executables of single instructions, remembered -----------------------

_TYPES: dict[Any, tuple[TensorType, ...]] = {}
_EAGER: OrderedDict[Any, Any] = OrderedDict()
_LITERALS: OrderedDict[Any, Any] = OrderedDict()
_forgotten = Version()  # of what literals have left on devices
_POSTPONED: OrderedDict[Any, Any] = OrderedDict()
_BOUND = 4096
forgetting += [_EAGER.clear, _POSTPONED.clear]
_SMALL = 256  # bytes


def infer(
    primitive: Primitive, types: tuple[TensorType, ...], params: dict[str, Any]
) -> tuple[TensorType, ...]:
    if primitive.family == "control":  # the key would keep the body alive
        return _inferred(primitive, types, params)
    key = (primitive, types, params_key(params))
    outputs = _TYPES.get(key)
    if outputs is None:
        if len(_TYPES) > 16 * _BOUND:
            _TYPES.clear()
        outputs = _TYPES[key] = _inferred(primitive, types, params)
    return outputs


def _inferred(
    primitive: Primitive, types: tuple[TensorType, ...], params: dict[str, Any]
) -> tuple[TensorType, ...]:
    outputs = tuple(primitive.infer(types, **params))
    for shape, dtype in outputs:
        check_size(primitive.name, shape, dtype)
    return outputs


def _empty_cache(body: Program) -> OrderedDict[Any, Any]:
    return OrderedDict()


def _remember(cache: OrderedDict[Any, Any], key: Any, value: Any) -> Any:
    cache[key] = value
    if len(cache) > _BOUND:
        cache.popitem(last=False)
    return value


def one_instruction(
    primitive: Primitive, types: Sequence[TensorType], params: dict[str, Any]
) -> Program:
    inputs = [Symbol(t) for t in types]
    outputs = [Symbol(t) for t in primitive.infer(types, **params)]
    return Program(inputs, [Instruction(primitive, inputs, params, outputs)], outputs)


def executable(
    primitive: Primitive,
    types: Sequence[TensorType],
    params: dict[str, Any],
    device: Device,
) -> Executable:
    """The program of one instruction, made ready for a device."""
    program = prepare_for(one_instruction(primitive, types, params), device)
    return compile_for(program, device)


def compile_for(program: Program, device: Device, state: int = 0) -> Executable:
    """A prepared program as an executable of the device's backend, whose first `state`
    outputs replace the first `state` inputs.

    Raises BackendError for whatever the backend raises that is no error of Neurenix's.
    """
    backend = discovery.backend(device.type)
    if debugging():
        return CheckedExecutable(backend, str(device), program, device.index, state)
    try:
        return as_executable(backend.compile(program, device.index, state))
    except Exception as error:  # noqa: BLE001  a plugin's code
        raise_failure(f"{device}: to compile a program", error)


def prepare_for(program: Program, device: Device) -> Program:
    """The program after all passes, in primitives that the device has.

    Raises DtypeError where it lacks a dtype, BackendError for a primitive of the basis.
    """
    backend = discovery.backend(device.type)
    can = backend.capabilities(device.index)
    missing = lacking(program, can.dtypes)
    if missing is not None:
        raise DtypeError(discovery.lacks_dtype(backend, device.index, missing))
    target = Target(
        can.primitives,
        can.features,
        can.limits,
        backend.expands,
        can.tasks,
        str(device),
    )
    return prepare(program, target)


class Postponed:
    """An operation on literals alone: it belongs to no device, as literals do, and is
    computed on the device of the tensor that it meets."""

    __slots__ = ("done", "inputs", "params", "primitive", "since")

    def __init__(
        self, primitive: Primitive, inputs: Sequence[Any], params: dict[str, Any]
    ) -> None:
        self.primitive = primitive
        self.inputs = [(x.type, x.data) for x in inputs]
        self.params = params
        self.done: dict[Device, list[Any]] = {}
        self.since = _forgotten.now

    def results(self, device: Device) -> list[Any]:
        if self.since is not _forgotten.now:
            self.done, self.since = {}, _forgotten.now
        buffers = self.done.get(device)
        if buffers is None:
            inputs = [_Placed(t, on_device(x, device), device) for t, x in self.inputs]
            buffers, _, _ = run(self.primitive, inputs, self.params, device)
            self.done[device] = buffers
        return buffers


class _Placed(NamedTuple):
    """A literal on a device."""

    type: TensorType
    data: Any
    device: Device


class Output:
    """One output of a postponed operation: a tensor's data without a device."""

    __slots__ = ("index", "of")

    def __init__(self, of: Postponed, index: int) -> None:
        self.of = of
        self.index = index


def _forget_literals() -> None:
    """Gives up what literals have left on devices."""
    _LITERALS.clear()
    _forgotten.note()


leaving.append(_forget_literals)


def on_device(literal: ConstantArray | Output, device: Device) -> Any:
    """A literal's buffer on a device; small ones are kept."""
    if type(literal) is Output:
        return literal.of.results(device)[literal.index]
    assert isinstance(literal, ConstantArray)
    key = (literal, device)
    buffer = _LITERALS.get(key)
    if buffer is None:
        backend = discovery.backend(device.type)
        buffer = backend.upload(literal.array, literal.type, device.index)
        if literal.type.nbytes <= _SMALL:
            _remember(_LITERALS, key, buffer)
    return buffer


def run(
    primitive: Primitive,
    inputs: Sequence[Any],
    params: dict[str, Any],
    device: Device | None = None,
) -> tuple[list[Any], tuple[TensorType, ...], Device | None]:
    """Runs a primitive: gives the buffers and types of the outputs, and their device,
    which is the one of the inputs (literals belong to none).

    All that an operation depends on, in one look-up: the primitive, its inputs' types,
    the device, and the parameters.
    """
    key: list[Any] = [primitive]
    buffers = []
    literals = False
    for x in inputs:
        key.append(x.type)
        buffers.append(x.data)
        where = x.device
        if where is None:
            literals = True
        elif device is None:
            device = where
        elif where is not device:
            raise DeviceError(
                f"{primitive.name}: its inputs live on {device} and {where}; "
                "move one with .to()"
            )
    if device is None:
        return _postponed(primitive, inputs, params)
    if literals:
        for i, x in enumerate(inputs):
            if x.device is None:
                buffers[i] = on_device(x.data, device)
    key.append(device)
    cache: Any = _EAGER
    if params:
        body = params.get("body")
        if body is None:
            key.extend(params.items())
        else:  # in a cache of the body's, since the key would keep it alive
            cache = derived(
                body, ("eager", fusing(), current_precision()), _empty_cache
            )
            key.extend(item for item in params.items() if item[1] is not body)
    kept = cache.get(tuple(key))
    if kept is None:
        types = tuple(x.type for x in inputs)
        out_types = infer(primitive, types, params)
        ready = executable(primitive, types, params, device)
        kept = _remember(cache, tuple(key), (ready, out_types))
    try:
        return kept[0](buffers), kept[1], device
    except Exception as error:  # noqa: BLE001  a plugin's code
        kinds = ", ".join(f"{x.type.dtype.name}{x.type.shape}" for x in inputs)
        raise_failure(f"{device}: {primitive.name} of ({kinds})", error)


def _postponed(
    primitive: Primitive, inputs: Sequence[Any], params: dict[str, Any]
) -> tuple[list[Any], tuple[TensorType, ...], None]:
    """Outputs without a device; those of small ones are kept, with their buffers."""
    if "body" in params:  # a cache would keep it alive
        return _postponed_now(primitive, inputs, params)
    key = (primitive, *[x.data for x in inputs], *params.items())
    outputs: Any = _POSTPONED.get(key)
    if outputs is None:
        outputs = _postponed_now(primitive, inputs, params)
        if sum(t.nbytes for t in outputs[1]) <= _SMALL:
            _remember(_POSTPONED, key, outputs)
    return outputs


def _postponed_now(
    primitive: Primitive, inputs: Sequence[Any], params: dict[str, Any]
) -> tuple[list[Any], tuple[TensorType, ...], None]:
    out_types = infer(primitive, tuple([x.type for x in inputs]), params)
    one = Postponed(primitive, inputs, params)
    return [Output(one, i) for i in range(len(out_types))], out_types, None
