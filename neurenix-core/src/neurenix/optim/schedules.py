"""Schedules: the learning rate as a function of how often `step` was called.

They set the optimizer's cell from the host, so that compiled code stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidArgumentError
from ..nn.arguments import number, whole
from .optimizer import Optimizer


class Schedule:
    """The base: a subclass gives `factor(epoch)`. Call `step()` after each epoch.

    epoch   how often it was called
    """

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise InvalidArgumentError(
                f"{type(self).__name__}: expected an optimizer, "
                f"not {type(optimizer).__name__}"
            )
        self.optimizer: Optimizer = optimizer
        self.initial_lr = optimizer.lr
        self.epoch = 0

    def value(self, epoch: int) -> float:
        """The learning rate of an epoch."""
        raise NotImplementedError

    def step(self) -> None:
        self.optimizer.lr = self.value(self.epoch + 1)
        self.epoch += 1

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "initial_lr": self.initial_lr}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`; the optimizer gets that epoch's learning rate."""
        if not isinstance(state, Mapping) or set(state) != {"epoch", "initial_lr"}:
            raise InvalidArgumentError(
                f"{type(self).__name__}.load_state_dict: "
                f"expected epoch and initial_lr, not {state!r}"
            )
        epoch = whole("load_state_dict: epoch", state["epoch"], 0)
        self.initial_lr = number(
            "load_state_dict: initial_lr", state["initial_lr"], 0.0
        )
        self.epoch = epoch
        self.optimizer.lr = self.value(epoch)


class StepLR(Schedule):
    """The learning rate times `gamma` after every `step_size` epochs.

    >>> import neurenix as nx
    >>> optimizer = nx.optim.SGD([nx.nn.Parameter([1.0])], lr=1.0)
    >>> schedule = nx.optim.StepLR(optimizer, step_size=1, gamma=0.5)
    >>> schedule.step()
    >>> optimizer.lr
    0.5
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1
    ) -> None:
        super().__init__(optimizer)
        self.step_size: int = whole("StepLR: step_size", step_size)
        self.gamma: float = number("StepLR: gamma", gamma, 0.0)

    def value(self, epoch: int) -> float:
        return self.initial_lr * self.gamma ** (epoch // self.step_size)


class CosineAnnealingLR(Schedule):
    """From the first learning rate down to `eta_min` along half a cosine, in `T_max`
    epochs; there it stays. Loshchilov & Hutter 2017, without restarts."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        super().__init__(optimizer)
        self.T_max = whole("CosineAnnealingLR: T_max", T_max)
        self.eta_min: float = number("CosineAnnealingLR: eta_min", eta_min, 0.0)

    def value(self, epoch: int) -> float:
        share = min(epoch / self.T_max, 1.0)
        return (
            self.eta_min
            + (self.initial_lr - self.eta_min) * (1.0 + math.cos(math.pi * share)) / 2.0
        )


class LinearLR(Schedule):
    """The learning rate times a factor that goes in a straight line from `start_factor`
    to `end_factor` in `total_iters` epochs; there it stays. It takes effect at once.

    >>> import neurenix as nx
    >>> optimizer = nx.optim.SGD([nx.nn.Parameter([1.0])], lr=1.0)
    >>> schedule = LinearLR(optimizer, 1.0, 0.0, total_iters=4)
    >>> schedule.step()
    >>> optimizer.lr
    0.75
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3.0,
        end_factor: float = 1.0,
        total_iters: int = 5,
    ) -> None:
        super().__init__(optimizer)
        self.start_factor: float = number("LinearLR: start_factor", start_factor, 0.0)
        self.end_factor: float = number("LinearLR: end_factor", end_factor, 0.0)
        self.total_iters = whole("LinearLR: total_iters", total_iters)
        optimizer.lr = self.value(0)

    def value(self, epoch: int) -> float:
        share = min(epoch / self.total_iters, 1.0)
        factor = self.start_factor + share * (self.end_factor - self.start_factor)
        return self.initial_lr * factor


class LinearWarmup(Schedule):
    """In epoch e < `epochs` the learning rate times (e + 1) / epochs; afterwards what
    `then`, another schedule of the same optimizer, gives for epoch e − epochs (without
    one: the learning rate). It takes effect at once; call only its own `step()`.

    Goyal et al. 2017.

    >>> import neurenix as nx
    >>> optimizer = nx.optim.SGD([nx.nn.Parameter([1.0])], lr=1.0)
    >>> decay = nx.optim.CosineAnnealingLR(optimizer, T_max=2)
    >>> schedule = nx.optim.LinearWarmup(optimizer, 2, then=decay)
    >>> seen = []
    >>> for epoch in range(5):
    ...     seen.append(round(optimizer.lr, 4))
    ...     schedule.step()
    >>> seen
    [0.5, 1.0, 1.0, 0.5, 0.0]
    """

    def __init__(
        self, optimizer: Optimizer, epochs: int, then: Schedule | None = None
    ) -> None:
        super().__init__(optimizer)
        self.epochs: int = whole("LinearWarmup: epochs", epochs)
        if then is not None and (
            not isinstance(then, Schedule) or then.optimizer is not optimizer
        ):
            raise InvalidArgumentError(
                f"LinearWarmup: then={then!r}; "
                "expected a schedule of the same optimizer"
            )
        self.then: Schedule | None = then
        optimizer.lr = self.value(0)

    def value(self, epoch: int) -> float:
        if epoch < self.epochs:
            return self.initial_lr * (epoch + 1) / self.epochs
        if self.then is None:
            return self.initial_lr
        self.then.initial_lr = self.initial_lr  # what was loaded holds for both
        return self.then.value(epoch - self.epochs)
