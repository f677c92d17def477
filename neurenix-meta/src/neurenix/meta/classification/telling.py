"""Telling: one warning for all images of a call that were left out."""

from __future__ import annotations

from ..datasets.found_images import said_of_skipped
from ..datasets.telling import warn_user


def warn_of_skipped(skipped: list[str], total: int) -> None:
    """Say which of `total` images were left out, if any were."""
    if skipped:
        warn_user(said_of_skipped(skipped, total))
