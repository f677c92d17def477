"""Whether workers are alike: of one version, and on devices of one type."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import neurenix as nx
from neurenix.errors import DeviceError, InvalidArgumentError

from .messages import About


def check_same(workers: Sequence[About], home: str) -> None:
    """Refuses workers whose results could be others.

    home   the device type that they were to have

    Raises InvalidArgumentError for another version of Neurenix or Python, DeviceError
    for another type of device, with the machine.
    """
    python = ".".join(map(str, sys.version_info[:2]))
    for worker in workers:
        where = f"the worker on {worker.host} (process {worker.process})"
        if worker.neurenix != nx.__version__:
            raise InvalidArgumentError(
                f"{where} has Neurenix {worker.neurenix}, and this process "
                f"{nx.__version__}: install one version on all machines"
            )
        if worker.python != python:
            raise InvalidArgumentError(
                f"{where} runs Python {worker.python}, and this process {python}: "
                "install one version on all machines"
            )
        if worker.device != home:
            raise DeviceError(
                f"{where} has a device of type {worker.device}, and {home} is wanted: "
                "results are the same to the bit on devices of one type only"
            )
