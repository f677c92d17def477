"""Tells a script that Ctrl-C ended training, which returns as if it were done."""

from __future__ import annotations

import warnings

from .checkpoints import Checkpoints
from .position import Position

# What such a warning begins with: a program that says it itself leaves it out by this.
STOPPED = "meta_learn: stopped by Ctrl-C"


def warn_of_interruption(
    position: Position, epochs: int, checkpoints: Checkpoints | None
) -> None:
    """A RuntimeWarning at the line that calls meta_learn: how far it got, and how to go
    on."""
    epoch = min(position.epoch + 1, epochs)
    warnings.warn(
        f"{STOPPED} after meta-step {position.total}, in epoch {epoch} of {epochs}: "
        "the learner is trained so far only, and history.interrupted is True. "
        f"{_how_to_go_on(checkpoints)}",
        RuntimeWarning,
        stacklevel=7,  # the line that calls meta_learn
    )


def _how_to_go_on(checkpoints: Checkpoints | None) -> str:
    if checkpoints is None:
        return "With checkpoint=folder, the same call would go on from there"
    if checkpoints.last < 0:
        return f"There is no checkpoint yet in {checkpoints.folder} to go on from"
    return (
        f"The same call goes on from the checkpoint of meta-step {checkpoints.last} in "
        f"{checkpoints.folder}"
    )
