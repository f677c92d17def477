"""The settings of training: one table for flags, configuration files and checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from typing import Any, get_type_hints

from neurenix.errors import CommandLineError, InvalidArgumentError
from neurenix.keywords import accepted, alike

from ..classification.reading import UNREADABLE
from ..memory import amount
from .data import Images
from .methods import METHODS, NETWORKS


def _setting(
    default: Any,
    told: str,
    *,
    least: float | None = None,
    choices: Iterable[str] | None = None,
) -> Any:
    known = tuple(choices) if choices is not None else None
    return field(
        default=default, metadata={"help": told, "least": least, "choices": known}
    )


@dataclass(frozen=True)
class Settings:
    """What `neurenix train` does. A field is a flag, `--like-this`, and a key of the
    configuration file, `like_this`; `options` is its table [options].

    Raises CommandLineError for a value that cannot be.
    """

    method: str = _setting(
        "prototypical-networks",
        "How to learn.",
        choices=METHODS,
    )
    data: str = _setting(
        "glyphs",
        "A folder with one folder a class, or a data set by name.",
    )
    validation_data: str = _setting(
        "", "A folder of other classes to validate on (default: the data's own part)."
    )
    network: str = _setting("conv4", "The network.", choices=NETWORKS)
    hidden: int = _setting(64, "Filters of the network's (first) block.", least=1)
    ways: int = _setting(5, "Classes of a task.", least=2)
    shots: int = _setting(1, "Support examples of a class.", least=1)
    queries: int = _setting(5, "Query examples of a class.", least=1)
    steps: int = _setting(2000, "Meta-steps in all.", least=1)
    every: int = _setting(
        100,
        "Meta-steps of an epoch: after each, a row of the history, a validation and a "
        "checkpoint.",
        least=1,
    )
    tasks_per_batch: int = _setting(4, "Tasks of a meta-step.", least=1)
    meta_lr: float = _setting(0.001, "Learning rate of the meta-step's Adam.", least=0)
    validation_tasks: int = _setting(100, "Tasks of a validation; 0: none.", least=0)
    patience: int = _setting(
        0, "Stop after so many epochs without a better validation; 0: never.", least=0
    )
    size: int = _setting(
        0, "Side of the images; 0: the data set's, 28 for a folder.", least=0
    )
    channels: int = _setting(
        0, "1 for grey, 3 for colour; 0: the data set's, 3 for a folder.", least=0
    )
    invert: bool = _setting(
        False, "Make ink bright, for a folder of drawings on white."
    )
    unreadable: str = _setting(
        "refuse",
        "Images of a folder that cannot be read: refuse or skip.",
        choices=UNREADABLE,
    )
    device: str = _setting("", "A device, like cpu or cuda:1 (default: the best one).")
    max_memory: str = _setting("", "A bound on a meta-step's memory, like '2 GB'.")
    seed: int = _setting(0, "Of weights, tasks and their order.", least=0)
    tensorboard: bool = _setting(False, "Write curves for TensorBoard, too.")
    options: dict[str, Any] = field(
        default_factory=dict,
        metadata={
            "help": "NAME=VALUE, a further argument of the method's class, like "
            "inner_lr=0.1. May be given several times."
        },
    )

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            check(name, value)
        check_options(self.method, self.options)

    @property
    def images(self) -> Images:
        return Images(self.size, self.channels, self.invert, self.unreadable)

    @property
    def memory(self) -> int | None:
        """`max_memory` in bytes."""
        return _bytes(self.max_memory)

    @property
    def by_name(self) -> dict[str, Any]:
        """All of them, `options` last."""
        return asdict(self)


FIELDS: dict[str, Field[Any]] = {f.name: f for f in fields(Settings)}
TYPES: dict[str, type] = {
    name: found
    for name, found in get_type_hints(Settings).items()
    if name in FIELDS and name != "options"
}
_IN_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "a boolean"}


def check(name: str, value: Any) -> None:
    """Refuses a value that this setting cannot have, with a CommandLineError."""
    if name == "options":
        if not isinstance(value, dict):
            raise CommandLineError(f"options={value!r}; expected a table [options]")
        return
    kind, about = TYPES[name], FIELDS[name].metadata
    fits = type(value) is kind or (kind is float and type(value) is int)
    if not fits:
        raise CommandLineError(f"{name}={value!r}; expected {_IN_WORDS[kind]}")
    choices, least = about["choices"], about["least"]
    if choices is not None and value not in choices:
        near = alike(str(value), choices)
        meant = (
            f"did you mean {' or '.join(map(repr, near))}? It is one of "
            if near
            else "expected "
        )
        raise CommandLineError(f"{name}={value!r}; {meant}{', '.join(choices)}")
    if least is not None and not value >= least:
        raise CommandLineError(f"{name}={value!r}; expected {least:g} or more")
    if name == "max_memory":
        _bytes(str(value))


def _bytes(text: str) -> int | None:
    """A bound on memory; None for none."""
    if not text:
        return None
    try:
        return amount("max_memory", int(text) if text.isdigit() else text)
    except InvalidArgumentError as error:
        raise CommandLineError(str(error)) from None


def check_options(method: str, options: Mapping[str, Any]) -> None:
    """Refuses arguments that the method's class has not, with a CommandLineError that
    names the nearest that it has, or the methods that have it."""
    free = options_of(method)
    for name in options:
        if name not in free:
            near = alike(name, free)
            meant = f"did you mean {' or '.join(near)}? " if near else ""
            others = "" if near else _of_others(name)
            raise CommandLineError(
                f"option {name!r}: {meant}{method} has {', '.join(free)}{others}"
            )


def options_of(method: str) -> list[str]:
    """The further arguments that a method's class takes."""
    known = accepted(METHODS[method].method) or ()
    return [n for n in known if n not in ("model", "embedding_model", "meta_lr")]


def _of_others(name: str) -> str:
    """Which methods have an option, or else the nearest to it."""
    having = {method: options_of(method) for method in METHODS}
    every = list(dict.fromkeys(n for names in having.values() for n in names))
    for meant in [name] if name in every else alike(name, every)[:1]:
        methods = ", ".join(m for m, names in having.items() if meant in names)
        return f". {meant} is an option of {methods}; the setting method chooses"
    return ""
