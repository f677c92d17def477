"""Learner files: writes a learner's content, and reads all of it or nothing."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import neurenix as nx
from neurenix import nn
from neurenix.errors import FileFormatError, InvalidArgumentError

from ..identity import descriptions
from ..identity.values_as_text import text_of
from ..method import Method
from ..tasks.kinds import Kinds

# What a file holds: tensors, and what JSON can say.
Content = Mapping[str, Any]

_KIND = "neurenix.meta learner"
_MOST = 160  # characters about tensors, where settings have said why they differ
# Of what these files hold; a reader refuses one that is newer than itself. Format 1 had
# as settings only the public numbers and texts of the learner itself.
FORMAT = 2


def described(learner: Method) -> dict[str, Any]:
    """The learner as a file has it: values by name, settings, versions."""
    return {
        "kind": _KIND,
        "format": FORMAT,
        "versions": {
            "neurenix": nx.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "learner": {
            "type": type(learner).__name__,
            "settings": descriptions.described(learner),
            "values": learner.state_dict(),
            "frozen": frozen(learner),
            "generators": [g.state_dict() for g in own_generators(learner)],
            "kinds": learner.kinds._asdict(),
        },
    }


def frozen(learner: Method) -> list[str]:
    """The names of the parameters that are not learned."""
    return [n for n, p in learner.named_parameters() if not p.requires_grad]


def freeze(learner: Method, stored: Content) -> None:
    """Freezes the parameters that a file lists, and no others; older ones list none."""
    if "frozen" in stored:
        for name, parameter in learner.named_parameters():
            parameter.requires_grad_(name not in stored["frozen"])


def own_generators(learner: nn.Module) -> list[nx.Generator]:
    """The random streams that its layers have to themselves."""
    found = {id(g): g for module in learner.modules() for g in module.generators()}
    found.pop(id(nx.random.default_generator), None)
    return list(found.values())


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a file of `described` holds, checked as far as it can be without a learner.

    Raises StorageError for a file that cannot be read, and FileFormatError for one
    that is damaged, is something else, or comes from a newer version.
    """
    content = nx.load(path)
    if not isinstance(content, dict) or content.get("kind") != _KIND:
        raise FileFormatError(
            f"{Path(path)} holds no meta-learner; expected a file that "
            "MetaLearner.save() or meta_learn(checkpoint=...) wrote"
        )
    if not isinstance(content.get("format"), int) or content["format"] > FORMAT:
        version = (content.get("versions") or {}).get("neurenix", "a newer version")
        raise FileFormatError(
            f"{Path(path)} was written by Neurenix {version} in format "
            f"{content.get('format')}; Neurenix {nx.__version__} reads formats up to "
            f"{FORMAT}: upgrade it"
        )
    return content


def unlike(
    content: Content,
    saved: Mapping[str, Any],
    now: Mapping[str, str],
    ignored: Iterable[str] = (),
) -> list[str]:
    """What differs between settings of the file and those now, with both values.

    Of a file of another version of Neurenix, whose layers may have other attributes,
    only what both know is compared, and the layers' types.
    """
    if content["format"] < 2:
        saved = {name: text_of(value) for name, value in saved.items()}
        ignored = {*ignored, *(saved.keys() ^ now.keys())}
    elif content["versions"]["neurenix"] != nx.__version__:
        one_knows = saved.keys() ^ now.keys()
        ignored = {*ignored, *(n for n in one_knows if not n.endswith(":"))}
    return descriptions.differences(saved, now, ignored)


def unlike_kinds(learner: Method, content: Content) -> list[str]:
    """What is decided of inputs and targets, here and in the file, and differs."""
    now, saved = learner.kinds._asdict(), kinds_of(content)._asdict()
    return [
        f"{name}={saved[name]!r} saved, {now[name]!r} now"
        for name in now
        if None not in (saved[name], now[name]) and saved[name] != now[name]
    ]


def fill_same(learner: Method, content: Content, path: Path) -> None:
    """As `fill`, of a learner that gives the results of the one that was saved.

    Raises InvalidArgumentError for another method or other settings, too.
    """
    stored, kind = content["learner"], type(learner).__name__
    if stored["type"] != kind:
        raise _of_another(path, [f"{stored['type']} saved, {kind} now"])
    # Values are converted to the dtype that is there; what the file freezes is frozen,
    # but nothing learns again that was frozen by hand.
    cells = learner.named_cells()
    ignored = {f"{name}.dtype" for name in cells} | learner.of_training
    ignored |= {f"{name}.requires_grad" for name, c in cells.items() if c.requires_grad}
    now = descriptions.described(learner)
    found = unlike(content, stored["settings"], now, ignored)
    found += unlike_kinds(learner, content)
    fill(learner, content, path, found)
    if found:
        raise _of_another(path, found)
    freeze(learner, stored)


def _of_another(path: Path, differences: list[str]) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{path} is of another learner: {descriptions.listed(differences)}. Make the "
        f"learner as it was saved; {weights_alone(path)}"
    )


def weights_alone(path: Path) -> str:
    return (
        "to begin with its weights alone: "
        f"learner.load_state_dict(nx.load({str(path)!r})['learner']['values'])"
    )


def fill(learner: Method, content: Content, path: Path, unlike: list[str]) -> None:
    """Gives the learner the values of a file, with `undone_on_error` around it.

    Raises InvalidArgumentError or ShapeError with the tensors that do not fit, and with
    the settings that are unlike.
    """
    stored = content["learner"]
    generators = own_generators(learner)
    what = f"of another {stored['type']}"
    if unlike:
        listed = descriptions.listed(unlike)
        what += f": {listed}. Make the learner as it was saved. Its tensors"
    with naming_the_file(path, what, _MOST if unlike else None):
        learner.load_state_dict(stored["values"])
        if len(generators) != len(stored["generators"]):
            raise InvalidArgumentError(
                f"it has {len(stored['generators'])} random streams of layers, "
                f"and this learner {len(generators)}"
            )
    for generator, state in zip(generators, stored["generators"], strict=True):
        generator.load_state_dict(state)


def kinds_of(content: Content) -> Kinds:
    """What the inputs and targets of a file's learner are; older files do not say."""
    return Kinds(**content["learner"].get("kinds", {}))


@contextmanager
def naming_the_file(path: Path, what: str, most: int | None = None) -> Iterator[None]:
    """Puts the file's path before the message of errors about arguments, of which so
    many characters are shown at most."""
    try:
        yield
    except InvalidArgumentError as error:
        told = str(error)
        if most is not None and len(told) > most:
            told = f"{told[:most]}…"
        raise type(error)(f"{path} is {what}: {told}") from None


@contextmanager
def undone_on_error(*owners: Any) -> Iterator[None]:
    """If anything fails within, gives the owners of a `state_dict`, and the random
    streams of those that are modules, their state from before."""
    streams = [g for o in owners if isinstance(o, nn.Module) for g in own_generators(o)]
    before = [(owner, owner.state_dict()) for owner in (*owners, *streams)]
    try:
        yield
    except BaseException as error:
        for owner, state in before:
            owner.load_state_dict(state)
        if isinstance(error, (KeyError, TypeError, AttributeError)):
            raise FileFormatError(
                f"the file lacks a part of a learner, or has another there: {error!r}"
            ) from error
        raise
