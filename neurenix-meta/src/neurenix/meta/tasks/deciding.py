"""Decides what inputs and targets are, where a learner has not yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import neurenix as nx
from neurenix import dispatch, nn
from neurenix.errors import InvalidArgumentError
from neurenix.nn.modes import mode

from .kinds import Kinds
from .reader import Reader
from .reading import (
    array_of,
    home_of,
    is_readable,
    is_whole,
    network_input,
    read_first,
    said_by,
)
from .targets import Array, Targets, is_classes
from .task import Given

# How a network says that it does not take what it is given.
_REFUSALS = (TypeError, ValueError, IndexError, AssertionError)


def inputs_of(learner: Reader, kinds: Kinds, inputs: Sequence[Any]) -> str | None:
    """What whole numbers among arrays or tensors are: as `kinds` say; else as their
    dtypes do, or "tokens" if the network refuses that, and takes them as they are. None
    where there is none.

    Raises InvalidArgumentError for uint8 beside others, and for uint8 that may be
    tokens as well as pixels, where `kinds` say nothing.
    """
    if kinds.inputs is not None:
        return kinds.inputs
    said = said_by(inputs)
    if said is None:
        return None
    example = next(x for x in inputs if is_whole(x))

    refused: dict[str, Exception] = {}

    def takes(kind: str) -> bool:
        try:
            learner.model(network_input("the input", example, kind, learner.dtype))
        except _REFUSALS as error:
            refused[kind] = error
            return False
        return True

    with mode(learner.model, training=False), nx.no_grad():
        if not takes(said):
            if takes("tokens"):
                return "tokens"
            if isinstance(refused["tokens"], IndexError):  # beyond the vocabulary
                raise refused["tokens"]
            return said
        embeds = any(
            isinstance(module, nn.Embedding) for module in learner.model.modules()
        )
        if said == "pixels" and embeds and takes("tokens"):
            raise InvalidArgumentError(
                "inputs of uint8, and a network with an nn.Embedding, which takes them "
                "both as tokens and as pixels divided by 255: say which they are when "
                "the learner is made, by inputs='tokens' or inputs='pixels'"
            )
        return said


def read_support(learner: Reader, x: Given) -> tuple[nx.Tensor, str | None]:
    """What the network gets of support_x; and what whole numbers are, if it says so."""
    given = x if isinstance(x, nx.Tensor) else array_of("support_x", x)
    kind = inputs_of(learner, learner.kinds, [given])
    return network_input("support_x", given, kind, learner.dtype), kind


def read_call(
    learner: Reader, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any], str | None]:
    """The arguments of a network, the first as the network gets it; and what whole
    numbers are, if that says so."""
    first = next(iter((*args, *kwargs.values())), None)
    kind = learner.kinds.inputs
    if kind is None and is_readable(first):
        x = first if isinstance(first, nx.Tensor) else array_of("the input", first)
        if dispatch.recorder() is None:
            kind = inputs_of(learner, learner.kinds, [x])
        elif is_whole(x) and said_by([x]) == "values":
            return args, kwargs, None  # nothing can be tried: as the network likes
    home = home_of(learner.model)
    return *read_first(kind, learner.dtype, home, args, kwargs), kind


def targets_of(learner: Reader, kinds: Kinds, targets: Sequence[Array]) -> Targets:
    """What targets are: as the method says, or `kinds`; else classes if all of them can
    be that."""
    said = learner.targets_taken()
    if said != "either":
        return said
    if kinds.targets is None:
        return "classes" if all(map(is_classes, targets)) else "values"
    return "classes" if kinds.targets == "classes" else "values"


def decided(learner: Reader, inputs: str | None, targets: Targets) -> Kinds:
    """What a use with these inputs and targets decides for the learner."""
    either = learner.targets_taken() == "either"
    return Kinds(inputs, targets if either else None)


def as_targets(learner: Reader, name: str, y: Array, targets: Targets) -> Array:
    """Targets as the learner reads them: values as floats. Class labels stay.

    Raises InvalidArgumentError for values, where the learner has learned classes.
    """
    if targets == "values":
        return y if y.dtype.kind == "f" else y.astype(float)
    if targets == "classes" and learner.targets != "classes" and not is_classes(y):
        method = type(learner).__name__
        raise InvalidArgumentError(
            f"{name} of shape {y.shape} and dtype {y.dtype} holds no class labels "
            f"(whole numbers [n], or one-hot rows), and this {method}'s targets are "
            "classes: so its first use has decided, or targets='classes'. For values "
            f"make another one: {method}(..., targets='values')"
        )
    return y
