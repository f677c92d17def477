"""Stored embedding: what a file says of an embedding, and the embedding of a file."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import neurenix as nx
from neurenix import nn
from neurenix.errors import FileFormatError, InvalidArgumentError

from ..files import architecture, learner_files
from ..identity import descriptions
from ..method import Method
from .adapted import OfAdaptation
from .embedded import Features, OfCallable, OfLearner, OfModule, identity
from .recogniser import Array, Recogniser

#: Callables that a file need only name; the second is where it was at first.
_OURS: Mapping[str, Features] = {
    f"{identity.__module__}.{identity.__qualname__}": identity,
    "neurenix.meta.sklearn.features.identity": identity,
}
_TOLERANCE = 1e-3  # of a callable's features, relative to the largest


def described(
    recogniser: Recogniser, shape: tuple[int, ...]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a file says of an embedding, as JSON, and its tensors.

    shape   of an example as it is read
    """
    if isinstance(recogniser, OfCallable):
        probe = _probe(shape)
        features = recogniser.kept(probe)
        return {"callable": recogniser.place}, {"probe": probe, "features": features}
    module = _module_of(recogniser)
    said: dict[str, Any] = {
        "type": type(module).__name__,
        "version": nx.__version__,
        "settings": descriptions.described(module),
        "modules": None,
        "needs": None,
    }
    try:
        said["modules"], values = architecture.described(module)
    except architecture.NotOursError as error:
        said["needs"], values = str(error), module.state_dict()
    return said, values


def _module_of(recogniser: Recogniser) -> nn.Module:
    if isinstance(recogniser, (OfLearner, OfAdaptation)):
        return recogniser.learner
    assert isinstance(recogniser, OfModule)
    return recogniser.module


def _probe(shape: tuple[int, ...]) -> Array:
    """A made-up example, by which a callable is known again: a ramp."""
    count = int(np.prod(shape))
    return np.linspace(0.0, 1.0, count, dtype=np.float32).reshape(1, *shape)


def embedding_of(
    file: Path,
    said: Mapping[str, Any],
    values: Mapping[str, nx.Tensor],
    given: nn.Module | Features | None,
) -> nn.Module | Features:
    """The embedding that a file describes, or the one that is given with its weights.

    Raises InvalidArgumentError where one must be given, or is of another architecture;
    FileFormatError for a description that is damaged.
    """
    if "callable" in said:
        if given is None and said["callable"] in _OURS:
            return _OURS[said["callable"]]
        if given is None or isinstance(given, nn.Module):
            raise InvalidArgumentError(
                f"load: {file} was made from the callable {said['callable']}, which no "
                "file can hold: neurenix.meta.load(path, embedding=that)"
            )
        return given
    if given is None:
        if said["modules"] is None:
            raise InvalidArgumentError(
                f"load: the embedding of {file} is not of Neurenix's classes alone: "
                f"{said['needs']}. Make it as it was, its weights are in the file: "
                f"neurenix.meta.load(path, embedding={said['type']}(...))"
            )
        try:
            return architecture.built(said["modules"], values)
        except FileFormatError as error:
            raise FileFormatError(f"load: {file}: {error}") from error
    if not isinstance(given, nn.Module):
        raise InvalidArgumentError(
            f"load: {file} was made from a {said['type']}, and embedding is no module"
        )
    found = copy.deepcopy(given)
    ignored = {f"{name}.requires_grad" for name in found.named_cells()}
    if isinstance(found, Method):
        ignored |= found.of_training
    written = {
        "format": learner_files.FORMAT,
        "versions": {"neurenix": said["version"]},
    }
    now = descriptions.described(found)
    different = learner_files.unlike(written, said["settings"], now, ignored)
    if different:
        raise InvalidArgumentError(
            f"load: {file} is of another architecture: {descriptions.listed(different)}"
        )
    with learner_files.naming_the_file(file, "of another architecture"):
        found.load_state_dict(values)
    return found


def check_callable(
    file: Path,
    said: Mapping[str, Any],
    values: Mapping[str, nx.Tensor],
    recogniser: Recogniser,
) -> None:
    """Refuse a callable that gives other features than the one that was saved."""
    if "callable" not in said:
        return
    probe, then = values["probe"].numpy(), values["features"].numpy()
    now = recogniser.kept(probe)
    close = now.shape == then.shape and np.allclose(
        now, then, rtol=0.0, atol=_TOLERANCE * max(1e-30, float(np.abs(then).max()))
    )
    if not close:
        raise InvalidArgumentError(
            f"load: {file} was made from the callable {said['callable']}, and this "
            "embedding gives other features than it did: "
            f"{then.shape[1]} numbers then, {now.shape[1]} now"
            + ("" if now.shape != then.shape else ", of other values")
        )
