"""Checks what users' functions return, and refuses by name what is no use."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

import neurenix as nx
from neurenix import nn
from neurenix.errors import InvalidArgumentError, ShapeError

from .outcome import Outcome
from .wording import in_words


def output_of(model: nn.Module, output: object) -> nx.Tensor:
    """What a model returned, which is to be one tensor."""
    if isinstance(output, nx.Tensor):
        return output.value()
    remedy = "return one tensor from its forward()"
    if output is None:
        remedy = "does its forward() end in a return?"
    elif isinstance(output, (tuple, list, dict)):
        remedy = "return the one that the loss is of"
    elif isinstance(output, np.ndarray):
        remedy = "compute it with neurenix's functions, which can be differentiated"
    raise InvalidArgumentError(
        f"the model {type(model).__name__} returns {in_words(output)}, and a learner "
        f"needs one tensor: {remedy}"
    )


def loss_of(where: str, loss: object) -> nx.Tensor:
    """What a loss function returned, which is to be a floating scalar."""
    if isinstance(loss, nx.Tensor) and loss.shape == () and loss.dtype.is_floating:
        return loss.value()
    if isinstance(loss, nx.Tensor):
        remedy = "take its mean()" if loss.shape else "a loss is floating"
        raise ShapeError(
            f"{where} is a {loss.dtype.name} tensor of shape {loss.shape}; expected a "
            f"floating scalar, shape (): {remedy}"
        )
    remedy = "does the function end in a return?" if loss is None else ""
    if isinstance(loss, (int, float)):
        remedy = "a number has no derivative: compute it of the output"
    raise InvalidArgumentError(
        f"{where} is {in_words(loss)}; expected a tensor, a floating scalar"
        f"{': ' if remedy else ''}{remedy}"
    )


def outcome_of(
    learner: nn.Module, outcome: object, method: str = "task_loss"
) -> Outcome:
    """What `task_loss` returned, which is to be an Outcome of a scalar."""
    where = f"{type(learner).__name__}.{method}"
    if not isinstance(outcome, Outcome):
        remedy = "wrap the loss: Outcome(loss)"
        if outcome is None:
            remedy = "does it end in a return? Outcome(loss)"
        raise InvalidArgumentError(
            f"{where} returns {in_words(outcome)}; expected an Outcome: {remedy}"
        )
    loss = loss_of(f"{where}: the loss of its Outcome", outcome.loss)
    for part in ("metrics", "buffers"):
        if not isinstance(getattr(outcome, part), Mapping):
            raise InvalidArgumentError(
                f"{where}: the {part} of its Outcome are "
                f"{in_words(getattr(outcome, part))}; expected a dict by name"
            )
    for name, value in outcome.metrics.items():
        if not isinstance(value, (nx.Tensor, int, float)) or np.shape(value) != ():
            shape = value.shape if isinstance(value, nx.Tensor) else None
            raise ShapeError(
                f"{where}: the metric {name!r} is {in_words(value)}; expected a scalar"
                + (f", its mean() say, for shape {shape}" if shape else "")
            )
    known = dict(learner.named_buffers())
    for name in outcome.buffers:
        if name not in known:
            raise InvalidArgumentError(
                f"{where}: the Outcome has a buffer {name!r}, which this learner has "
                f"not; it has {', '.join(known) or 'none'}"
            )
    return outcome._replace(loss=loss)


def gradient_of(
    learner: nn.Module, returned: object, parameters: Mapping[str, nx.Tensor]
) -> tuple[Outcome, dict[str, nx.Tensor]]:
    """What `task_gradient` returned: an Outcome, and tensors like the parameters."""
    where = f"{type(learner).__name__}.task_gradient"
    if type(returned) is not tuple or len(returned) != 2:
        raise InvalidArgumentError(
            f"{where} returns {in_words(returned)}; expected a pair: an Outcome, and "
            "the gradient, a dict of tensors by the parameters' names"
        )
    outcome = outcome_of(learner, returned[0], "task_gradient")
    return outcome, like(where, "the gradient", returned[1], parameters, some=True)


def like(
    where: str,
    part: str,
    found: object,
    wanted: Mapping[str, nx.Tensor],
    some: bool = False,
) -> dict[str, nx.Tensor]:
    """Tensors of these names and shapes; `some`: or of a part of them."""
    if not isinstance(found, Mapping):
        raise InvalidArgumentError(
            f"{where}: {part} is {in_words(found)}; expected a dict of tensors by name"
        )
    unknown = [n for n in found if n not in wanted]
    missing = [] if some else [n for n in wanted if n not in found]
    if unknown or missing:
        wrong = f"has {unknown[0]!r}" if unknown else f"lacks {missing[0]!r}"
        raise InvalidArgumentError(
            f"{where}: {part} {wrong}; its names are {', '.join(wanted)}"
        )
    for name, value in found.items():
        if not isinstance(value, nx.Tensor) or value.shape != wanted[name].shape:
            raise ShapeError(
                f"{where}: {part} has {in_words(value)} for {name}, which is of shape "
                f"{wanted[name].shape}"
            )
    return dict(found)


def moved_of(
    learner: nn.Module, returned: object, fast: Mapping[str, nx.Tensor]
) -> tuple[dict[str, nx.Tensor], dict[str, nx.Tensor]]:
    """What `moved` returned: the values after a step, and new values of buffers."""
    where = f"{type(learner).__name__}.moved"
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise InvalidArgumentError(
            f"{where} returns {in_words(returned)}; expected a pair: the values after "
            "the step, and new values of buffers by name ({} for none)"
        )
    values, more = returned
    if not isinstance(more, Mapping):
        raise InvalidArgumentError(
            f"{where}: the second value is {in_words(more)}; expected a dict of "
            "buffers' new values by name, {} for none"
        )
    return like(where, "the first value", values, fast), dict(more)


def scores_from(
    learner: nn.Module, returned: object, steps: int
) -> dict[str, nx.Tensor]:
    """What `task_scores` returned: "loss" and others, a number for each step."""
    where = f"{type(learner).__name__}.task_scores"
    if not isinstance(returned, Mapping) or "loss" not in returned:
        raise InvalidArgumentError(
            f"{where} returns {in_words(returned)}; expected a dict of scores, 'loss' "
            "among them"
        )
    for name, value in returned.items():
        if not isinstance(value, nx.Tensor) or value.shape[:1] != (steps + 1,):
            raise ShapeError(
                f"{where}: the score {name!r} is {in_words(value)}; expected a tensor "
                f"of shape ({steps + 1},): before any step, and after each"
            )
    return dict(returned)
