"""Ray, imported when it is needed."""

from __future__ import annotations

import os
from typing import Any

from neurenix.errors import MissingPackageError, WorkerError


def ray_package() -> Any:
    """The package `ray`. Raises MissingPackageError where it is not installed."""
    try:
        import ray
    except ImportError as error:
        raise MissingPackageError(
            f"RayStrategy needs the package ray ({error}); "
            'pip install "neurenix-meta[ray]"'
        ) from error
    return ray


def connect(address: str | None) -> None:
    """Connects this process to the cluster at an address, as of `RayStrategy`.

    Raises WorkerError where none can be connected to.
    """
    try:
        ray_package().init(address, include_dashboard=False, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = os.environ.get("RAY_ADDRESS") if address is None else address
        raise WorkerError(
            f"RayStrategy: no Ray cluster can be connected to at address={where!r} "
            f"({error}). See that `ray status` finds it from this machine. A cluster "
            "with token authentication asks for RAY_AUTH_MODE=token here, too, and for "
            "the head's ~/.ray/auth_token"
        ) from error
