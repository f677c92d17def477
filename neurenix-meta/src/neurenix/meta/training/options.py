"""The options of training, checked: how `meta_learn` goes about it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from neurenix.arguments import whole
from neurenix.errors import InvalidArgumentError
from neurenix.io import as_path

from ..memory import limit_of
from .events import Callback, checked_callbacks
from .progress import ProgressBar


@dataclass(frozen=True)
class Training:
    """The options of `MetaLearner.meta_learn`, whose documentation explains each.

    Raises InvalidArgumentError for options that cannot be.

    >>> Training(epochs=3, max_memory="1 kB").limit
    1000
    """

    epochs: int = 1
    tasks_per_batch: int = 4
    steps_per_epoch: int | None = None
    callbacks: Sequence[Callback] = ()
    progress: bool = True
    chunk: int = 0
    max_memory: int | str | None = None
    steps_per_call: int = 1
    checkpoint: str | os.PathLike[str] | None = None
    checkpoint_every: int | None = None
    keep: int = 2
    compile: bool = True

    def __post_init__(self) -> None:
        for name in ("epochs", "tasks_per_batch", "steps_per_call", "keep"):
            self._check_whole(name, least=1)
        self._check_whole("chunk", least=0)
        if self.limit is not None and self.chunk:
            raise InvalidArgumentError(
                f"chunk={self.chunk} and max_memory={self.max_memory!r}: give one of "
                "them"
            )
        if self.checkpoint is not None:
            as_path("checkpoint", self.checkpoint)
        if self.checkpoint_every is not None:
            self._check_whole("checkpoint_every", least=1)
            if self.checkpoint is None:
                raise InvalidArgumentError(
                    f"checkpoint_every={self.checkpoint_every} without checkpoint=, a "
                    "folder"
                )
        object.__setattr__(self, "callbacks", checked_callbacks(self.callbacks))

    def _check_whole(self, name: str, least: int) -> None:
        """Makes an int of what counts as one (NumPy's), or refuses it."""
        number = whole("meta_learn", name, getattr(self, name), least)
        object.__setattr__(self, name, number)

    @property
    def limit(self) -> int | None:
        """`max_memory` in bytes."""
        return limit_of(self.max_memory, self.compile)

    @property
    def folder(self) -> Path | None:
        """Where the checkpoints are to be."""
        if self.checkpoint is None:
            return None
        return as_path("checkpoint", self.checkpoint)

    @property
    def listeners(self) -> list[Callback]:
        """The callbacks to call, the progress bar first."""
        return [*([ProgressBar()] if self.progress else []), *self.callbacks]
