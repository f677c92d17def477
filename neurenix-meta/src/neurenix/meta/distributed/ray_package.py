"""Ray, imported when it is needed."""

from __future__ import annotations

import atexit
import os
import re
import time
from threading import Thread
from typing import Any

from neurenix.errors import MissingPackageError, WorkerError
from neurenix.installing import how_to_install

from .head import Head
from .ray_arguments import refuse_client

_HOST_AND_PORT = re.compile(r"(\[[^\]]+\]|[^:/]+):\d+")
# Seconds for a head that is about to start.
_PATIENCE = 10.0
# Seconds to leave a cluster whose head is lost.
_LEAVING = 20.0


def ray_package() -> Any:
    """The package `ray`. Raises MissingPackageError where it is not installed."""
    try:
        import ray
    except ImportError as error:
        raise MissingPackageError(
            f"RayStrategy needs the package ray ({error}); "
            + how_to_install("neurenix-meta", "ray")
        ) from error
    return ray


def connect(address: str | None) -> None:
    """Connects this process to the cluster at an address, as of `RayStrategy`.

    Raises WorkerError where none can be connected to, and InvalidArgumentError for the
    address of Ray's client, in RAY_ADDRESS too.
    """
    ray = ray_package()
    where = os.environ.get("RAY_ADDRESS") if address is None else address
    refuse_client(where or "")
    try:
        if where is not None and _HOST_AND_PORT.fullmatch(where):
            _wait_for(Head(where))
        ray.init(address, include_dashboard=False, log_to_driver=False)
    except (
        ConnectionError,
        RuntimeError,
        ValueError,
        ray.exceptions.RayError,
    ) as error:
        raise WorkerError(
            f"RayStrategy: no Ray cluster can be connected to at address={where!r} "
            f"({error}). See that `ray status` finds it from this machine. A cluster "
            "with token authentication asks for RAY_AUTH_MODE=token here, too, and for "
            "the head's ~/.ray/auth_token"
        ) from error


def check_no_client() -> None:
    """Refuses the connection that this process has, where it is one of Ray's client."""
    if ray_package().util.client.ray.is_connected():
        refuse_client("ray://")


def leave() -> bool:
    """Disconnects this process; whether Ray has done so in time. It asks the head, and
    where that hangs it would wait for ever."""
    shutdown = ray_package().shutdown
    leaving = Thread(target=shutdown, daemon=True)
    leaving.start()
    leaving.join(_LEAVING)
    if leaving.is_alive():
        atexit.unregister(shutdown)  # or the process would not end
    return not leaving.is_alive()


def _wait_for(head: Head) -> None:
    """Ray would wait for minutes where nothing listens."""
    until = time.monotonic() + _PATIENCE
    while not head.answers():
        if time.monotonic() > until:
            raise ConnectionError(f"nothing answers there for {_PATIENCE:g} s")
        time.sleep(0.5)
