"""Batch norm, and the ways in which meta-learning uses it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..arguments import between, one_of, whole
from ..attributes import set_here
from ..dispatch import no_grad
from ..errors import InvalidArgumentError, ShapeError
from ..functions.arithmetic import where
from ..functions.creation import ones, zeros
from ..functions.operands import beside
from ..state.cell import Cell
from ..tensor import Tensor
from .functional.normalization import normalize_batch, normalize_stored
from .module import Module
from .parameter import Buffer, Parameter

MODES = ("running", "transductive", "support", "per_step", "per_step_transductive")
OF_THE_BATCH = ("transductive", "per_step_transductive")  # nothing is stored
OF_EACH_STEP = ("per_step", "per_step_transductive")  # rows of scales
PHASES = ("collect", "stored")


class _Context(threading.local):
    phase: str | None = None
    step: int = 0


_context = _Context()


@contextmanager
def batch_norm_phase(phase: str) -> Iterator[None]:
    """For layers with mode="support": whose statistics normalise.

    "collect"   the batch's, which are stored exactly and differentiably in the layer's
                buffers (`functional_call` returns them)
    "stored"    those stored

    So one pass of the support set under "collect", with the adapted weights, gives what
    the query set uses under "stored". Other layers do not look at it.
    """
    one_of("batch_norm_phase", "phase", phase, PHASES)
    before, _context.phase = _context.phase, phase
    try:
        with set_here():
            yield
    finally:
        _context.phase = before


@contextmanager
def inner_step(index: int) -> Iterator[None]:
    """For layers in a mode of steps: which inner step this is, from 0. The last of a
    layer's steps serves those beyond. Outside of any it is step 0."""
    whole("inner_step", "index", index, 0)
    before, _context.step = _context.step, index
    try:
        with set_here():
            yield
    finally:
        _context.step = before


class BatchNorm(Module):
    """y = (x − mean) / √(variance + eps) · weight + bias for each channel;
    Ioffe & Szegedy 2015.

    num_features   channels C
    eps            added to the biased variance
    momentum       share of a new batch in the running statistics
    affine         whether there are weight (ones) and bias (zeros)
    steps          of the modes of steps: how many rows of statistics and scales
    mode           whose mean and variance:
      "running"       in training the batch's, which also move the stored ones
                      (r ← (1 − momentum)·r + momentum·batch's, with the unbiased
                      variance); in evaluation the stored ones
      "transductive"  always the batch's; nothing is stored
      "support"       by `nn.batch_norm_phase`; outside of it as "running"
      "per_step"      as "running", but buffers, weight and bias have shape [steps, C],
                      and `nn.inner_step` chooses the row (Antoniou et al. 2019,
                      section 4)
      "per_step_transductive"  as "transductive", with the rows of weight and bias of
                      "per_step" (what the authors' code of that paper computes)

    Within nx.map, nx.vmap and nx.scan what moves stored statistics goes through
    `functional_call`, which returns them.

    Raises InvalidArgumentError for arguments out of range, ShapeError for inputs of
    another shape, and for batch statistics of one value a channel.
    """

    ranks: tuple[int, ...] = ()
    running_mean: Buffer | None
    running_var: Buffer | None
    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        mode: str = "running",
        steps: int | None = None,
    ) -> None:
        super().__init__()
        kind = type(self).__name__
        self.num_features: int = whole(kind, "num_features", num_features, 1)
        self.eps: float = between(kind, "eps", eps, 0.0)
        self.momentum: float = between(kind, "momentum", momentum, 0.0, 1.0)
        self.mode: str = one_of(kind, "mode", mode, MODES)
        if (mode in OF_EACH_STEP) != (steps is not None):
            raise InvalidArgumentError(
                f"{kind}: mode={mode!r} and steps={steps!r}; "
                f"{' and '.join(map(repr, OF_EACH_STEP))} need steps, others have none"
            )
        self.steps = None if steps is None else whole(kind, "steps", steps, 1)
        shape = (num_features,) if steps is None else (steps, num_features)
        stored = not self.of_the_batch
        reduction = "discard" if mode == "support" else "mean"
        self.weight = Parameter(ones(shape)) if affine else None
        self.bias = Parameter(zeros(shape)) if affine else None
        self.running_mean = (
            Buffer(zeros(shape), reduction=reduction) if stored else None
        )
        self.running_var = Buffer(ones(shape), reduction=reduction) if stored else None

    def forward(self, x: Tensor) -> Tensor:
        name = f"{type(self).__name__}({self.num_features})"
        if x.ndim not in self.ranks or x.shape[1] != self.num_features:
            forms = {2: "[N, C]", 3: "[N, C, L]", 4: "[N, C, H, W]"}
            expected = " or ".join(forms[r] for r in self.ranks)
            raise ShapeError(
                f"{name}: an input of shape {x.shape}; "
                f"expected {expected} with C = {self.num_features}"
                + (": one example is x[None]" if x.ndim + 1 in self.ranks else "")
            )
        phase = _context.phase if self.mode == "support" else None
        weight, bias = self._row(self.weight), self._row(self.bias)
        batch = (
            self.of_the_batch or phase == "collect" or (self.training and phase is None)
        )
        if not batch:
            average, variance = (self._row(cell) for cell in self._stored(name))
            assert average is not None and variance is not None
            return normalize_stored(name, x, average, variance, weight, bias, self.eps)
        y, average, variance = normalize_batch(name, x, weight, bias, self.eps)
        if phase == "collect":
            for cell, value in zip(
                self._stored(name), (average, variance), strict=True
            ):
                cell.assign(value)
        elif not self.of_the_batch:
            count = x.size // self.num_features
            self._move(
                name, average.detach(), variance.detach() * (count / (count - 1))
            )
        return y

    @property
    def of_the_batch(self) -> bool:
        """Whether the statistics are always the batch's, in evaluation, too."""
        return self.mode in OF_THE_BATCH

    def _stored(self, name: str) -> tuple[Buffer, Buffer]:
        if self.running_mean is None or self.running_var is None:
            raise InvalidArgumentError(
                f"{name}: it was made with mode={self.mode!r} and stores no statistics"
            )
        return self.running_mean, self.running_var

    def _index(self) -> int:
        return 0 if self.steps is None else min(_context.step, self.steps - 1)

    def _row(self, cell: Cell | None) -> Tensor | None:
        return cell if cell is None or self.steps is None else cell[self._index()]

    def _move(self, name: str, average: Tensor, variance: Tensor) -> None:
        """The stored statistics a little towards a batch's."""
        with no_grad():
            for cell, new in zip(self._stored(name), (average, variance), strict=True):
                moved = cell * (1.0 - self.momentum) + new * self.momentum
                if self.steps is not None:
                    chosen = [[i == self._index()] for i in range(self.steps)]
                    moved = where(beside(moved, np.array(chosen)), moved, cell)
                cell.assign(moved)

    def static_extra(self) -> tuple[Any, ...]:
        reads_context = self.mode == "support" or self.steps is not None
        return (_context.phase, _context.step) if reads_context else ()

    def extra_repr(self) -> str:
        steps = "" if self.steps is None else f", steps={self.steps}"
        return (
            f"{self.num_features}, eps={self.eps:g}, momentum={self.momentum:g}, "
            f'mode="{self.mode}"{steps}'
        )


class BatchNorm1d(BatchNorm):
    """Batch norm over [N, C], or [N, C, L]: mean and variance of each channel.

    Arguments, modes and errors stand with `BatchNorm`, their common base.

    >>> import neurenix as nx
    >>> nx.nn.BatchNorm1d(3, mode="transductive")(nx.ones(4, 3)).shape
    (4, 3)
    """

    ranks = (2, 3)


class BatchNorm2d(BatchNorm):
    """Batch norm over [N, C, H, W]: mean and variance of each channel.

    Arguments, modes and errors stand with `BatchNorm`, their common base.

    >>> import neurenix as nx
    >>> nx.nn.BatchNorm2d(3)(nx.ones(4, 3, 2, 2)).shape
    (4, 3, 2, 2)
    """

    ranks = (4,)
