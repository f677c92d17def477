"""The optimizer and the schedule that training is given: whether they fit a method."""

from __future__ import annotations

from typing import Any

from neurenix import nn, optim
from neurenix.errors import InvalidArgumentError

from ..wording import in_words


def check_optimizer(method: nn.Module, optimizer: Any, schedule: Any) -> None:
    """Refuse what is no optimizer, one of other parameters than the method's, one that
    has nothing to learn, and what is no schedule of it."""
    if not isinstance(optimizer, optim.Optimizer):
        kind = "an optimizer of neurenix.optim"
        example = "optim.Adam(learner.parameters(), lr=0.001)"
        if isinstance(optimizer, type) and issubclass(optimizer, optim.Optimizer):
            example = f"{optimizer.__name__}(learner.parameters(), lr=...)"
        package = type(optimizer).__module__.split(".")[0]
        of = "" if package in ("builtins", "neurenix") else f" (of {package})"
        given = (
            repr(optimizer)
            if isinstance(optimizer, (str, int))
            else in_words(optimizer)
        )
        raise InvalidArgumentError(
            f"meta_learn: meta_optimizer is {given}{of}; expected {kind}: {example}"
        )
    if schedule is not None and (
        not isinstance(schedule, optim.Schedule) or schedule.optimizer is not optimizer
    ):
        raise InvalidArgumentError(
            f"schedule={schedule!r}; expected a schedule of the meta_optimizer, like "
            "optim.StepLR(meta_optimizer, step_size=10)"
        )
    names_of(optimizer, method)
    optimizer.check_places()
    if not any(p.requires_grad for p in optimizer.params):
        raise InvalidArgumentError(
            f"meta_learn: there is nothing to learn: all {len(optimizer.params)} "
            f"parameters of the {type(optimizer).__name__} are frozen (requires_grad "
            "is False); requires_grad_(True) of a parameter or module lets it learn"
        )


def names_of(optimizer: optim.Optimizer, method: nn.Module) -> list[str]:
    """The names of the parameters that an optimizer changes, in its order.

    Raises InvalidArgumentError for one that is not the learner's, or is so no more.
    """
    names = {id(parameter): name for name, parameter in method.named_parameters()}
    for i, parameter in enumerate(optimizer.params):
        if id(parameter) not in names:
            said = f", {parameter.name!r}" if parameter.name else ""
            raise InvalidArgumentError(
                f"meta_learn: the optimizer's parameter {i}{said}, of shape "
                f"{parameter.shape}, is none of this {type(method).__name__}'s (any "
                "more, if it was replaced). Make the optimizer anew: "
                f"{type(optimizer).__name__}(learner.parameters(), lr=...)"
            )
    return [names[id(parameter)] for parameter in optimizer.params]
