"""Schedules: the learning rate as a function of how often `step` was called.

They set the optimizer's cells from the host, so that compiled code stays as it is; of
several groups of parameters each from its own learning rate.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

from ..arguments import between, whole
from ..errors import InvalidArgumentError
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
        self._initial = optimizer.rates()  # of each group of parameters
        self.initial_lr = self._initial[0]
        self.epoch = 0

    def value(self, epoch: int) -> float:
        """The learning rate of an epoch, where it was `initial_lr` at first."""
        raise NotImplementedError

    def set_rates(self, epoch: int) -> None:
        """Give the optimizer's groups the learning rates of an epoch."""
        values = [self.value_from(initial, epoch) for initial in self._initial]
        for group, value in enumerate(values):
            self.optimizer.set_rate(group, value)

    def value_from(self, initial_lr: float, epoch: int) -> float:
        """`value`, of a group whose learning rate was another at first."""
        of_group = copy.copy(self)
        of_group.initial_lr = initial_lr
        return of_group.value(epoch)

    def step(self) -> None:
        self.set_rates(self.epoch + 1)
        self.epoch += 1

    def state_dict(self) -> dict[str, Any]:
        """How often it was called, and the learning rate at first: of several groups
        of parameters a list."""
        several = len(self._initial) > 1
        initial = list(self._initial) if several else self.initial_lr
        return {"epoch": self.epoch, "initial_lr": initial}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`; the optimizer gets that epoch's learning rate."""
        if not isinstance(state, Mapping) or set(state) != {"epoch", "initial_lr"}:
            raise InvalidArgumentError(
                f"{type(self).__name__}.load_state_dict: "
                f"expected epoch and initial_lr, not {state!r}"
            )
        epoch = whole("load_state_dict", "epoch", state["epoch"], 0)
        given = state["initial_lr"]
        rates = given if isinstance(given, (list, tuple)) else [given]
        initial = [between("load_state_dict", "initial_lr", r, 0.0) for r in rates]
        if len(initial) != len(self._initial):
            raise InvalidArgumentError(
                f"{type(self).__name__}.load_state_dict: {len(initial)} learning rates "
                f"for an optimizer of {len(self._initial)} groups of parameters"
            )
        self._initial, self.initial_lr = initial, initial[0]
        self.epoch = epoch
        self.set_rates(epoch)


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
        self.step_size: int = whole("StepLR", "step_size", step_size, 1)
        self.gamma: float = between("StepLR", "gamma", gamma, 0.0)

    def value(self, epoch: int) -> float:
        return self.initial_lr * self.gamma ** (epoch // self.step_size)


class CosineAnnealingLR(Schedule):
    """From the first learning rate down to `eta_min` along half a cosine, in `T_max`
    epochs; there it stays. Loshchilov & Hutter 2017, without restarts."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        super().__init__(optimizer)
        self.T_max = whole("CosineAnnealingLR", "T_max", T_max, 1)
        self.eta_min: float = between("CosineAnnealingLR", "eta_min", eta_min, 0.0)

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
        self.start_factor: float = between(
            "LinearLR", "start_factor", start_factor, 0.0
        )
        self.end_factor: float = between("LinearLR", "end_factor", end_factor, 0.0)
        self.total_iters = whole("LinearLR", "total_iters", total_iters, 1)
        self.set_rates(0)

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
        self.epochs: int = whole("LinearWarmup", "epochs", epochs, 1)
        if then is not None and (
            not isinstance(then, Schedule) or then.optimizer is not optimizer
        ):
            raise InvalidArgumentError(
                f"LinearWarmup: then={then!r}; "
                "expected a schedule of the same optimizer"
            )
        self.then: Schedule | None = then
        self.set_rates(0)

    def value(self, epoch: int) -> float:
        if epoch < self.epochs:
            return self.initial_lr * (epoch + 1) / self.epochs
        if self.then is None:
            return self.initial_lr
        # of the same group; what was loaded holds for both
        return self.then.value_from(self.initial_lr, epoch - self.epochs)
