"""What every call of a learner goes through: on the device where it lives."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import neurenix as nx
from neurenix import nn
from neurenix.devices import Device
from neurenix.errors import DeviceError
from neurenix.settings import new_tensors_on

F = TypeVar("F", bound=Callable[..., Any])


def home_of(learner: nn.Module) -> Device | None:
    """The device of its parameters and buffers; None where it has none.

    Raises DeviceError where they live on several.
    """
    found: dict[Device, str] = {}
    for name, cell in learner.named_cells().items():
        if cell.device is not None:
            found.setdefault(cell.device, name)
    if len(found) > 1:
        places = " and ".join(f"{name} on {device}" for device, name in found.items())
        raise DeviceError(
            f"{type(learner).__name__}: it has {places}; learner.to(device) moves all "
            "of it to one"
        )
    return next(iter(found), None)


def call_of_users(method: F) -> F:
    """A method of a learner: while it runs, new tensors live where the learner does, so
    that tasks go there, whichever device is the current one."""

    @functools.wraps(method)
    def wrapper(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        with new_tensors_on(home_of(self)):
            return method(self, *args, **kwargs)

    return wrapper  # type: ignore[return-value]


def here(x: nx.Tensor) -> nx.Tensor:
    """x on the current device."""
    return x.to(nx.current_device())
