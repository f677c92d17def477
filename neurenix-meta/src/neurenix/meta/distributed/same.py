"""Whether workers are alike: of one version, and on devices that give the same bits."""

from __future__ import annotations

from neurenix.errors import DeviceError, InvalidArgumentError

from .messages import About


def check_same(worker: About, like: About, whose: str) -> None:
    """Refuses a worker whose results could be others than those of `like`, which
    `whose` says in words.

    Raises InvalidArgumentError for another version of Neurenix or Python, DeviceError
    for a device of another type, or one that gives other bits, with the machine.
    """
    where = f"the worker on {worker.host} (process {worker.process})"
    if worker.neurenix != like.neurenix:
        raise InvalidArgumentError(
            f"{where} has Neurenix {worker.neurenix}, and {whose} {like.neurenix}: "
            "install one version on all machines"
        )
    if worker.code != like.code:
        raise InvalidArgumentError(
            f"{where} has Neurenix {worker.neurenix}, as {whose}, but of other files: "
            "install the same state of the clone on all machines"
        )
    if worker.python != like.python:
        raise InvalidArgumentError(
            f"{where} runs Python {worker.python}, and {whose} {like.python}: "
            "install one version on all machines"
        )
    if worker.device != like.device:
        raise DeviceError(
            f"{where} has a device of type {worker.device}, and {like.device} is "
            "wanted: results are the same to the bit on devices of one type only"
        )
    if worker.bits is None or like.bits is None:
        return
    for name in {**like.bits, **worker.bits}:
        there, here = worker.bits.get(name, "none"), like.bits.get(name, "none")
        if there != here:
            raise DeviceError(
                f"{where} computes on {worker.device} with {name}: {there}, and "
                f"{whose} with {name}: {here}, which gives other bits. Take machines "
                "that are alike, with the same settings; resources= can choose among "
                "a cluster's"
            )
