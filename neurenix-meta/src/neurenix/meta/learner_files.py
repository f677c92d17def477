"""What a file holds of a learner, and how it is read again: all of it, or nothing."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import neurenix as nx
from neurenix.attributes import scalars
from neurenix.errors import FileFormatError, InvalidArgumentError

from .kinds import Kinds

if TYPE_CHECKING:
    from .learner import MetaLearner

_KIND = "neurenix.meta learner"
# Of what these files hold; a reader refuses one that is newer than itself.
FORMAT = 1


def described(learner: MetaLearner) -> dict[str, Any]:
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
            "settings": settings(learner),
            "values": learner.state_dict(),
            "generators": [g.state_dict() for g in own_generators(learner)],
            "kinds": learner.kinds._asdict(),
        },
    }


def settings(owner: Any) -> dict[str, Any]:
    """The public attributes that are numbers, texts or tuples of them."""
    return {name: value for name, value in scalars(owner) if name != "training"}


def own_generators(learner: MetaLearner) -> list[nx.Generator]:
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


def fill(learner: MetaLearner, content: Mapping[str, Any], path: Path) -> None:
    """Gives the learner the values of a file, with `undone_on_error` around it.

    Raises InvalidArgumentError or ShapeError with the tensors that do not fit.
    """
    stored = content["learner"]
    generators = own_generators(learner)
    with told_of_file(path, f"of another {stored['type']}"):
        learner.kinds.joined(kinds_of(content), "the file")
        learner.load_state_dict(stored["values"])
        if len(generators) != len(stored["generators"]):
            raise InvalidArgumentError(
                f"it has {len(stored['generators'])} random streams of layers, "
                f"and this learner {len(generators)}"
            )
    for generator, state in zip(generators, stored["generators"], strict=True):
        generator.load_state_dict(state)


def kinds_of(content: Mapping[str, Any]) -> Kinds:
    """What the inputs and targets of a file's learner are; older files do not say."""
    return Kinds(**content["learner"].get("kinds", {}))


@contextmanager
def told_of_file(path: Path, what: str) -> Iterator[None]:
    """Errors of bad arguments in it say which file was meant."""
    try:
        yield
    except InvalidArgumentError as error:
        raise type(error)(f"{path} is {what}: {error}") from None


@contextmanager
def undone_on_error(*owners: Any) -> Iterator[None]:
    """Whatever fails in it, the owners of a `state_dict` are as they were before."""
    before = [(owner, owner.state_dict()) for owner in owners]
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
