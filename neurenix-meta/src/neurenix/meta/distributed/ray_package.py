"""Ray, imported when it is needed."""

from __future__ import annotations

from typing import Any

from neurenix.errors import MissingPackageError


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
