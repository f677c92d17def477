"""Random numbers: counter-based, the same bits on every backend.

A `Generator` has a seed and a step. Each draw's key folds in the step, the number of
the draw within it, and (inside nx.map, nx.vmap and nx.scan) the iteration: results
depend neither on chunks nor on threads nor on order.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from . import dispatch, foreign_names, missing
from .arguments import finite, whole
from .attributes import Watched
from .devices import Device
from .dtypes import Dtype, as_dtype, float32, uint32
from .errors import DtypeError, InvalidArgumentError, ShapeError
from .functions import draws
from .functions.axes import check_shape, one_axis
from .functions.indexing import take
from .functions.operands import as_tensor, cast, floating
from .keywords import with_known_keywords
from .primitives import ops
from .primitives.sources import philox
from .settings import current_device
from .sizes import check_size
from .state.cell import Cell
from .state.counter import Counter
from .state.locks import lock_of_one
from .state.protocol import State
from .tensor import Tensor, literal


class _Indices(threading.local):
    def __init__(self) -> None:
        self.stack: list[Tensor] = []


_indices = _Indices()


@contextmanager
def within(index: Tensor) -> Iterator[None]:
    """Keys drawn in here fold in this iteration's number (uint32, rank 0)."""
    _indices.stack.append(index)
    try:
        yield
    finally:
        _indices.stack.pop()


_MAKING = threading.RLock()


class Generator(Watched, State):
    """A stream of keys; threads that draw from one, in compiled code or not, get
    different keys. In compiled code it is state: nx.compile(f, state=[generator]).

    >>> import neurenix as nx
    >>> a = nx.uniform((2,), generator=nx.Generator(0))
    >>> b = nx.uniform((2,), generator=nx.Generator(0))
    >>> bool((a == b).all())
    True
    """

    unwatched = frozenset({"_cell", "_cells", "_draws"})

    def __init__(self, seed: int | None = None) -> None:
        given = int.from_bytes(os.urandom(6), "little") if seed is None else seed
        self.seed = _check_seed(given)
        self._cell: Counter | None = None
        self._cells: dict[Device, Counter] = {}  # one for each device that it was on
        self._draws = 0  # within the step that is being captured

    @property
    def step(self) -> Counter:
        """How many draws (in compiled code: calls) there were; made on first use, so
        that importing this touches no device. Where the device was lost, it goes on
        behind all that was asked for."""
        cell = self._cell
        if cell is not None and (
            cell.is_state or (cell.device == current_device() and cell.is_sure)
        ):
            return cell
        with _MAKING:
            cell = self._cell  # another thread may have made it
            if cell is None or cell.device != current_device():  # nx.init chose another
                count = 0 if cell is None else cell.count_anyway()
                here = self._cells.get(current_device())
                if here is None:
                    here = Counter(count, name="generator.step")
                    self._cells[current_device()] = here
                else:  # the one that programs know
                    with dispatch.outside_captures():
                        here.assign(np.asarray(count & 0xFFFFFFFF, np.uint32))
                cell = self._cell = here
            elif not cell.is_sure:
                cell.make_sure()
            return cell

    def state_cells(self) -> dict[str, Cell]:
        return {"step": self.step}

    def state_dict(self) -> dict[str, int]:
        """Where the stream is: "seed" and "step"."""
        return {"seed": self.seed, "step": self.step.count()}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on where another generator was.

        >>> import neurenix as nx
        >>> one, other = nx.Generator(0), nx.Generator(1)
        >>> _ = nx.rand(2, generator=one)
        >>> other.load_state_dict(one.state_dict())
        >>> bool((nx.rand(2, generator=one) == nx.rand(2, generator=other)).all())
        True
        """
        if not isinstance(state, Mapping) or set(state) != {"seed", "step"}:
            raise InvalidArgumentError(
                f"Generator.load_state_dict: expected seed and step, not {state!r}"
            )
        seed = _check_seed(state["seed"])
        step = whole("Generator.load_state_dict", "step", state["step"], 0)
        if step >= 2**32:
            raise InvalidArgumentError(
                f"Generator.load_state_dict: step={step}; expected one below 2**32, as "
                "state_dict() gives it"
            )
        self.manual_seed(seed)
        self.step.assign(np.asarray(step, np.uint32))

    def static_extra(self) -> tuple[Cell]:
        """The part of a program's key besides the seed."""
        return (self.step,)

    def manual_seed(self, seed: int) -> Generator:
        """Start again from a seed."""
        self.seed = _check_seed(seed)
        self._draws = 0
        if self._cell is not None:
            self._cell.exact = True  # nobody asks any more where it was
            step = self.step
            with lock_of_one(step):
                step.assign(np.zeros((), np.uint32))
        return self

    def key(self) -> Tensor:
        """A fresh key, uint32[2]."""
        step = self.step
        if not step.is_state:
            for recorder in dispatch.state.recorders:
                recorder.outside(
                    f"random numbers of {self!r}",
                    "a generator that is no state: list it in the `state` of "
                    "nx.compile, or draw outside and pass the numbers as an argument",
                )
        words = np.array(
            [self.seed & 0xFFFFFFFF, (self.seed >> 32) & 0xFFFFFFFF], np.uint32
        )
        if step.is_state:  # the compiled call advances the step, once
            self._draws += 1
            key = fold_in(literal(words, uint32), step)
            key = fold_in(key, literal(np.asarray(self._draws), uint32))
        else:
            with lock_of_one(step):  # else two threads could find the same step
                now = step.value()
                with dispatch.outside_captures():
                    step.assign(ops.add(now, literal(np.asarray(1), uint32)))
            key = fold_in(literal(words, uint32), now)
        for index in _indices.stack:
            key = fold_in(key, index)
        return key

    def __repr__(self) -> str:
        if self is default_generator:
            return "nx.random.default_generator"
        return f"nx.Generator({self.seed})"

    def random_streams(self) -> list[Generator]:
        return [self]

    def begin_capture(self) -> None:
        self._draws = 0

    def end_capture(self) -> None:
        """Within the capture: the step after a call."""
        if self._draws:
            self.step.assign(ops.add(self.step, literal(np.asarray(1), uint32)))
            self._draws = 0  # who shares this generator ends the capture too


def _check_seed(seed: Any) -> int:
    if (
        isinstance(seed, bool)
        or not isinstance(seed, (int, np.integer))
        or not 0 <= int(seed) < 2**64
    ):
        raise InvalidArgumentError(
            f"seed={seed!r}; expected an int from 0 to 2**64 - 1"
        )
    return int(seed)


def fold_in(key: Tensor, data: Tensor) -> Tensor:
    """A new key from a key and a number (uint32, rank 0), by Philox on both."""
    mixed = ops.bitwise_xor(
        key,
        ops.mul(
            ops.reshape(data, shape=(1,)),
            literal(np.array([0x9E3779B9, 0x85EBCA6B], np.uint32), uint32),
        ),
    )
    return ops.random_bits(mixed, shape=(2,))


default_generator = Generator()
_seeded = [False]
_host_draws = [0]


def manual_seed(seed: int) -> Generator:
    """Seed the default generator, and what the library draws on the host.

    Same seed, same device type, same program: same bits.
    """
    default_generator.manual_seed(seed)
    _seeded[0], _host_draws[0] = True, 0
    return default_generator


def host_seed() -> int:
    """A fresh 64-bit seed for work on the host: from manual_seed, else the system's."""
    if not _seeded[0]:
        return int.from_bytes(os.urandom(8), "little")
    _host_draws[0] += 1
    seed = default_generator.seed
    words = philox(
        np.array(
            [(seed ^ _host_draws[0]) & 0xFFFFFFFF, (seed >> 32) ^ 0x5EED], np.uint32
        ),
        (2,),
    )[0]
    return int(words[0]) | int(words[1]) << 32


def state_dict() -> dict[str, int]:
    """The state of the default generator, and of what the library drew on the host."""
    state = default_generator.state_dict()
    return {**state, "seeded": int(_seeded[0]), "host_draws": _host_draws[0]}


def load_state_dict(state: Mapping[str, int]) -> None:
    """Go on from a `state_dict`: what is drawn next is what would have been then.

    Raises InvalidArgumentError, with nothing changed, for what is none.

    >>> import neurenix as nx
    >>> then = nx.random.state_dict()
    >>> drawn = nx.rand(3)
    >>> nx.random.load_state_dict(then)
    >>> bool((nx.rand(3) == drawn).all())
    True
    """
    names = {"seed", "step", "seeded", "host_draws"}
    if not isinstance(state, Mapping) or set(state) != names:
        raise InvalidArgumentError(
            "random.load_state_dict: expected "
            f"{', '.join(sorted(names))}, not {state!r}"
        )
    draws = whole("random.load_state_dict", "host_draws", state["host_draws"], 0)
    default_generator.load_state_dict({n: state[n] for n in ("seed", "step")})
    _seeded[0], _host_draws[0] = bool(state["seeded"]), draws


def _key(generator: Generator | None) -> Tensor:
    if generator is not None and not isinstance(generator, Generator):
        raise InvalidArgumentError(
            f"generator={generator!r}; expected a neurenix.Generator"
        )
    return (generator or default_generator).key()


def _size(name: str, shape: Any, dtype: Dtype) -> tuple[int, ...]:
    size = check_shape(name, shape if isinstance(shape, (tuple, list)) else (shape,))
    check_size(name, size, dtype)
    return size


def _floating_dtype(name: str, dtype: Any) -> Dtype:
    kind = as_dtype(dtype) if dtype is not None else float32
    if not kind.is_floating:
        raise DtypeError(f"{name}: dtype={kind.name}; expected a floating one")
    return kind


def random_bits(shape: Any, *, generator: Generator | None = None) -> Tensor:
    """Uniform uint32 words."""
    size = _size("random_bits", shape, uint32)
    return ops.random_bits(_key(generator), shape=size)


_SIGNIFICAND_BITS = {"float16": 11, "bfloat16": 8}


@with_known_keywords
def uniform(
    shape: Any,
    low: float = 0.0,
    high: float = 1.0,
    *,
    dtype: Any = None,
    generator: Generator | None = None,
) -> Tensor:
    """Uniform in [low, high): 24 random bits a number (float16: 11, bfloat16: 8, so
    that the cast neither overflows nor rounds up to 1).

    >>> import neurenix as nx
    >>> nx.uniform((2, 3)).shape
    (2, 3)
    """
    kind = _floating_dtype("uniform", dtype)
    low, high = finite("uniform", "low", low), finite("uniform", "high", high)
    if low > high:
        raise InvalidArgumentError(f"uniform: low={low} is above high={high}")
    bits = random_bits(_size("uniform", shape, kind), generator=generator)
    kept = _SIGNIFICAND_BITS.get(kind.name, 24)
    top = ops.shift_right(bits, literal(np.asarray(32 - kept), uint32))
    unit = ops.mul(cast(top, kind), literal(np.asarray(2.0**-kept), kind))
    return unit * (high - low) + low if (low, high) != (0.0, 1.0) else unit


@with_known_keywords
def rand(*shape: Any, dtype: Any = None, generator: Generator | None = None) -> Tensor:
    """Uniform in [0, 1)."""
    return uniform(check_shape("rand", shape), dtype=dtype, generator=generator)


@with_known_keywords
def normal(
    shape: Any,
    mean: float = 0.0,
    std: float = 1.0,
    *,
    dtype: Any = None,
    generator: Generator | None = None,
) -> Tensor:
    """Gaussian numbers by Box and Muller: √(−2 ln u) cos(2π v)."""
    kind = _floating_dtype("normal", dtype)
    mean, std = finite("normal", "mean", mean), finite("normal", "std", std)
    if std < 0:
        raise InvalidArgumentError(f"normal: std={std}; expected 0 or more")
    size = _size("normal", shape, kind)
    both = uniform((2, *size), dtype=kind, generator=generator)
    u, v = both[0], both[1]
    radius = ops.sqrt(ops.log(1.0 - u) * -2.0)
    out = radius * ops.cos(v * (2 * math.pi))
    return out * std + mean if (mean, std) != (0.0, 1.0) else out


@with_known_keywords
def randn(*shape: Any, dtype: Any = None, generator: Generator | None = None) -> Tensor:
    """Standard Gaussian numbers."""
    return normal(check_shape("randn", shape), dtype=dtype, generator=generator)


@with_known_keywords
def bernoulli(
    probability: Any, shape: Any = None, *, generator: Generator | None = None
) -> Tensor:
    """True with that probability, a number from 0 to 1 or a tensor of them: bools of
    that shape, by default the probabilities'.

    >>> import neurenix as nx
    >>> nx.bernoulli(nx.tensor([0.0, 1.0])).tolist()
    [False, True]
    """
    if not isinstance(probability, Tensor):
        probability = finite("bernoulli", "probability", probability)
        if not 0 <= probability <= 1:
            raise InvalidArgumentError(
                f"bernoulli: probability={probability}; expected 0 to 1"
            )
    chance = as_tensor(probability)
    size = chance.shape if shape is None else shape
    return uniform(size, generator=generator) < chance


# ---- whole numbers, orders and choices -----------------------------------------------


@with_known_keywords
def randint(
    low: int,
    high: int | None = None,
    shape: Any = (),
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Whole numbers from low to high − 1, each as likely (int32); randint(n) is from 0
    to n − 1.

    Raises InvalidArgumentError where there is none, or where int32 does not hold them.

    >>> import neurenix as nx
    >>> drawn = nx.randint(0, 6, (100,))
    >>> drawn.dtype.name, bool((drawn >= 0).all()), bool((drawn < 6).all())
    ('int32', True, True)
    """
    first, last = (0, low) if high is None else (low, high)
    start, stop = whole("randint", "low", first), whole("randint", "high", last)
    if not -(2**31) <= start < stop <= 2**31:
        raise InvalidArgumentError(
            f"randint: low={start}, high={stop}; expected low < high within int32"
        )
    size = _size("randint", shape, uint32)
    words = random_bits((2, *size), generator=generator)
    return draws.whole_numbers(words, start, stop)


@with_known_keywords
def randperm(n: int, *, generator: Generator | None = None) -> Tensor:
    """The numbers 0 to n − 1 in a random order, each order as likely (int32).

    >>> import neurenix as nx
    >>> sorted(nx.randperm(4).tolist())
    [0, 1, 2, 3]
    """
    count = whole("randperm", "n", n, 0)
    size = _size("randperm", (draws.rounds_of_order(count), count), uint32)
    return draws.order(random_bits(size, generator=generator))


@with_known_keywords
def permutation(x: Any, axis: int = 0, *, generator: Generator | None = None) -> Tensor:
    """x with its slices along an axis in a random order.

    >>> import neurenix as nx
    >>> sorted(nx.random.permutation(nx.tensor([5, 7])).tolist())
    [5, 7]
    """
    x = as_tensor(x)
    size = x.shape[one_axis("permutation", axis, x.ndim)]
    return take(x, randperm(size, generator=generator), axis)


@with_known_keywords
def categorical(
    logits: Any, shape: Any = (), *, generator: Generator | None = None
) -> Tensor:
    """Classes drawn with the probabilities softmax(logits): logits [..., C] -> int32
    [*shape, ...]. Of probabilities p, give nx.log(p).

    shape   of the independent draws, in front; () is one

    >>> import neurenix as nx
    >>> nx.categorical(nx.log(nx.tensor([[0.0, 1.0], [1.0, 0.0]])), 3).tolist()
    [[1, 0], [1, 0], [1, 0]]
    """
    x = floating("categorical", logits)
    if not x.ndim or not x.shape[-1]:
        raise ShapeError(
            f"categorical: logits of shape {x.shape}; expected [..., classes]"
        )
    size = (*_size("categorical", shape, uint32), *x.shape)
    unit = uniform(size, dtype=x.dtype, generator=generator)
    return draws.choices(x.detach(), unit)


if not TYPE_CHECKING:  # to a type checker every name would exist
    __getattr__ = missing.of_module(__name__, foreign_names.RANDOM)
