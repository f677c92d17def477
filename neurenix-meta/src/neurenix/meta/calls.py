"""Wraps the calls of a learner: on the device where it lives, captured or not."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

import neurenix as nx
from neurenix import nn
from neurenix.devices import Device
from neurenix.errors import CallError, DeviceError, InvalidArgumentError
from neurenix.keywords import check_keywords
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
    that tasks go there, whichever device is the current one; with compile=False nothing
    is captured."""

    signature = inspect.signature(method)

    @functools.wraps(method)
    def wrapper(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        check_keywords(method, kwargs)
        try:
            signature.bind(self, *args, **kwargs)
        except TypeError as error:
            raise CallError(
                f"{type(self).__name__}.{method.__name__}: {error}. It is called as "
                f"{method.__name__}({', '.join(list(signature.parameters)[1:])})"
            ) from None
        compile = kwargs.get("compile", True)
        if not isinstance(compile, bool):
            raise InvalidArgumentError(f"compile={compile!r}; expected True or False")
        with (
            new_tensors_on(home_of(self)),
            nullcontext() if compile else nx.debug.eager(),
        ):
            return method(self, *args, **kwargs)

    return wrapper  # type: ignore[return-value]
