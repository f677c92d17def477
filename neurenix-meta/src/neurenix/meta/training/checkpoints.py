"""Checkpoints: files from which `meta_learn` goes on, with the same bits."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import neurenix as nx
from neurenix import optim
from neurenix.errors import InvalidArgumentError, StorageError
from neurenix.io import as_path
from neurenix.settings import current_precision

from ..files import learner_files
from ..files.learner_files import Content
from ..files.where_made import made_on, warn_of_other
from ..identity import descriptions
from ..identity.values_as_text import text_of
from ..tasks.kinds import using
from .events import Callback, load_states, states_of
from .history import History
from .position import Position, Trained

_NAME = re.compile(r"checkpoint-(\d{9,})\.safetensors")


class Checkpoints:
    """The checkpoints of one run, in a folder of their own.

    folder   made if it is not there
    every    meta-steps between two of them; None: one an epoch
    keep     how many stay; older ones are deleted once a newer one is on the disk

    A file is `checkpoint-000000120.safetensors`, named by the meta-steps done. It
    appears as a whole or not at all, also where the process is killed or the disk
    fills up.
    """

    def __init__(
        self, folder: str | os.PathLike[str], every: int | None, keep: int
    ) -> None:
        self.folder = as_path("meta_learn: checkpoint", folder)
        self.every = every
        self.keep = keep
        self.last = -1  # meta-steps of the newest one
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for part in self.folder.glob(".checkpoint-*.part"):
                part.unlink(missing_ok=True)  # of a process that was killed
        except (OSError, ValueError) as error:  # ValueError: no path can be like that
            raise StorageError(
                f"checkpoint={str(self.folder)!r} cannot be a folder for checkpoints: "
                f"{getattr(error, 'strerror', None) or error}"
            ) from error

    def files(self) -> list[Path]:
        """Those that are there, oldest first."""
        found = [p for p in self.folder.iterdir() if _NAME.fullmatch(p.name)]
        return sorted(found, key=_steps)

    def is_due(self, total: int, epoch_is_done: bool) -> bool:
        if self.every is None:
            return epoch_is_done
        return total - max(self.last, 0) >= self.every

    def save(
        self,
        trained: Trained,
        position: Position,
        history: History,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        """Writes one more, and deletes what is too old.

        Raises StorageError if it cannot be written: those before it stay.
        """
        if position.total == self.last and position.step:
            return
        content = learner_files.described(trained.method)
        content["training"] = {
            "optimizer": _kind_and_state(trained.optimizer),
            "schedule": _kind_and_state(trained.schedule),
            "random": nx.random.state_dict(),
            "tasks": trained.tasks,
            "choices": trained.choices,
            "made_on": made_on(),
            "precision": current_precision(),
            "position": dict(vars(position)),
            "history": {name: history[name] for name in history},
            "intervals": history.intervals,
            "epochs": history.epochs,
            "callbacks": states_of(callbacks),
        }
        name = f"checkpoint-{position.total:09d}.safetensors"
        nx.save(content, self.folder / name)
        self.last = position.total
        for old in self.files()[: -self.keep]:
            old.unlink(missing_ok=True)

    def restore(
        self, trained: Trained, callbacks: Sequence[Callback] = ()
    ) -> tuple[Position, History] | None:
        """Puts everything where the newest one has it; None if there is none yet.

        Raises FileFormatError for a file that is damaged or of a newer version, and
        InvalidArgumentError or ShapeError for one of another learner, model, optimizer
        or schedule, of other settings of these, or of other tasks, with both values; in
        each case with nothing changed.
        """
        files = self.files()
        if not files:
            return None
        path = files[-1]
        content = learner_files.read(path)
        with learner_files.undone_on_error(*trained.owners):
            training = content.get("training")
            if not training:
                raise InvalidArgumentError(
                    f"{path} is a learner without a run; MetaLearner.load() reads it"
                )
            _check_same(path, _other_kinds(trained, content))
            unlike = _other_settings(trained, content)
            learner_files.fill(trained.method, content, path, unlike)
            _check_same(path, unlike)
            if trained.schedule is not None:
                trained.schedule.load_state_dict(training["schedule"]["state"])
            with learner_files.naming_the_file(path, "of another optimizer"):
                trained.optimizer.load_state_dict(training["optimizer"]["state"])
            position = Position(**training["position"])
            history = History.of(
                training["history"], training["epochs"], training.get("intervals")
            )
            nx.random.load_state_dict(training["random"])
            # of before there were states of callbacks: none
            load_states(callbacks, training.get("callbacks", {}))
            learner_files.freeze(trained.method, content["learner"])
        with using(trained.method, learner_files.kinds_of(content)):
            pass
        warn_of_other(path, training.get("made_on", {}))
        self.last = position.total
        return position, history


def newest(folder: Path) -> Path:
    """The newest checkpoint of a folder; StorageError if there is none."""
    found = sorted((p for p in folder.iterdir() if _NAME.fullmatch(p.name)), key=_steps)
    if not found:
        raise StorageError(f"there is no checkpoint in the folder {folder}")
    return found[-1]


def _steps(path: Path) -> int:
    return int(path.stem.split("-")[1])


def _kind_and_state(owner: optim.Optimizer | optim.Schedule | None) -> dict[str, Any]:
    if owner is None:
        return {"type": "None", "settings": {}, "state": {}}
    state = owner.state_dict()
    kept = descriptions.described(owner)
    return {"type": type(owner).__name__, "settings": kept, "state": state}


def _check_same(path: Path, differences: list[str]) -> None:
    """Refuses to go on with a run whose parts or settings differ."""
    if differences:
        raise InvalidArgumentError(
            f"{path} is of another run: {descriptions.listed(differences)}. Go on with "
            "what it was saved with, or name another folder; "
            f"{learner_files.weights_alone(path)}"
        )


def _parts(trained: Trained, content: Content) -> list[tuple[str, Content, Any]]:
    """The learner, the optimizer and the schedule: their names, as they were saved,
    and as they are."""
    training = content["training"]
    return [
        ("learner", content["learner"], trained.method),
        ("optimizer", training["optimizer"], trained.optimizer),
        ("schedule", training["schedule"], trained.schedule),
    ]


def _other_kinds(trained: Trained, content: Content) -> list[str]:
    found = []
    for name, saved, owner in _parts(trained, content):
        now = "None" if owner is None else type(owner).__name__
        if saved["type"] != now:
            found.append(f"{name}: {saved['type']} saved, {now} now")
    return found


def _other_settings(trained: Trained, content: Content) -> list[str]:
    kinds = learner_files.unlike_kinds(trained.method, content)
    found = [f"learner: {difference}" for difference in kinds]
    for name, saved, owner in _parts(trained, content):
        now = {} if owner is None else descriptions.described(owner)
        unlike = learner_files.unlike(content, saved["settings"], now)
        found += [f"{name}: {difference}" for difference in unlike]
    before, after = (
        {name: text_of(value) for name, value in tasks.items()}
        for tasks in (content["training"]["tasks"], trained.tasks)
    )
    if content["format"] < 2:  # which had no digest of a data set
        both = before.keys() & after.keys()
        before, after = (
            {n: t for n, t in d.items() if n in both} for d in (before, after)
        )
    unlike = descriptions.differences(before, after)
    found += [f"tasks: {difference}" for difference in unlike]
    # of before there was a choice: float32
    then, here = content["training"].get("precision", "float32"), current_precision()
    if then != here:
        found.append(f"precision of products (nx.init): {then} saved, {here} now")
    return found
