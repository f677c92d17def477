"""The inner loop: adaptation by gradient steps, made of parts that are functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

import neurenix as nx
from neurenix import nn, optim

from ..outcome import Values
from ..returned import moved_of

Tensors = dict[str, nx.Tensor]
Loss = Callable[[nx.Tensor, nx.Tensor], nx.Tensor]


class InnerStep(NamedTuple):
    """Where an inner step is.

    start    what the inner steps change, as it was before the first one
    rest     all else that the learner holds
    number   how many steps were made before this one, uint32
    """

    start: Values
    rest: Values
    number: nx.Tensor


class Support(NamedTuple):
    """A support set: inputs [n, ...], their targets and, where that is known, how many
    classes there are."""

    x: nx.Tensor
    y: nx.Tensor
    ways: int | None = None


# Output and new buffers of all values, by name, and inputs.
Network = Callable[[Values, nx.Tensor], tuple[nx.Tensor, Tensors]]
# What steps change, before the first one, of the parameters and a support set; and all
# else.
Start = Callable[[Values, nx.Tensor, nx.Tensor, "int | None"], tuple[Tensors, Tensors]]
# Values after a step, of those before it and their gradient; and new buffers.
Moves = Callable[[Values, Values, InnerStep], tuple[Tensors, Tensors]]
# The support examples of the inner step of a number, from 0.
InnerBatch = Callable[[nx.Tensor, nx.Tensor, int], tuple[nx.Tensor, nx.Tensor]]


@dataclass(frozen=True)
class InnerLoop:
    """θ ↦ U(θ): steps along the gradient of the loss on a support set.

    owner         the method, for messages
    network       whose output the loss is of
    criterion     the loss, of outputs and targets
    start         what the steps change, before the first one; and all else
    moves         how a step goes
    batch         which examples a step sees
    clip_norm     the largest norm of a step's gradient; None: any
    first_order   take the inner gradients as constants
    remat         compute a step again for the derivative through it
    counts_steps  whether a layer has scales of its own for each step

    Each step is a call of one function, captured and differentiated once.
    """

    owner: nn.Module
    network: Network
    criterion: Loss
    start: Start
    moves: Moves
    batch: InnerBatch
    clip_norm: float | None = None
    first_order: bool = False
    remat: bool = False
    counts_steps: bool = False

    def steps(
        self, parameters: Values, support: Support, count: int
    ) -> Iterator[tuple[nx.Tensor, Tensors]]:
        """For each step: the support loss before it, and all values after it."""
        step = nx.compile(nx.remat(self._step) if self.remat else self._step)
        start, rest = self.start(parameters, *support)
        fast = start
        for number in range(count):
            index = nx.constant(nx.tensor(np.uint32(number), dtype=nx.uint32))
            x, y = self.batch(support.x, support.y, number)
            row = number if self.counts_steps else 0
            loss, fast, buffers = step(fast, rest, start, x, y, index, row)
            rest.update(buffers)
            yield loss, {**rest, **fast}

    def _step(
        self,
        fast: Values,
        rest: Values,
        start: Values,
        x: nx.Tensor,
        y: nx.Tensor,
        number: nx.Tensor,
        row: int,
    ) -> tuple[nx.Tensor, Tensors, Tensors]:
        def support_loss(values: Values) -> tuple[nx.Tensor, Tensors]:
            output, buffers = self.network({**rest, **values}, x)
            return self.criterion(output, y), buffers

        # "support" layers use this batch's statistics, those with rows their row.
        with nn.inner_step(row), nn.batch_norm_phase("collect"):
            value_and_gradient = nx.value_and_grad(support_loss, has_aux=True)
            (loss, buffers), gradient = value_and_gradient(fast)
        if self.clip_norm is not None:
            gradient, _ = optim.clip_by_global_norm(gradient, self.clip_norm)
        if self.first_order:
            gradient = {n: nx.stop_gradient(g) for n, g in gradient.items()}
        after = self.moves(fast, gradient, InnerStep(start, rest, number))
        values, more = moved_of(self.owner, after, fast)
        return loss, values, {**buffers, **more}

    def before(self, parameters: Values, support: Support) -> Tensors:
        """All values before the first step."""
        fast, rest = self.start(parameters, *support)
        return {**rest, **fast}

    def after(self, parameters: Values, support: Support, count: int) -> Tensors:
        """All values after the last step."""
        stages = list(self.steps(parameters, support, count))
        return stages[-1][1] if stages else self.before(parameters, support)

    def stages(self, parameters: Values, support: Support, count: int) -> list[Tensors]:
        """All values before the first step, and after each."""
        steps = self.steps(parameters, support, count)
        return [self.before(parameters, support), *(values for _, values in steps)]
