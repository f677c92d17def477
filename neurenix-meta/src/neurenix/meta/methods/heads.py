"""Heads: finds the last layer of a network, for methods that treat it apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurenix import nn
from neurenix.errors import InvalidArgumentError

from .gradient_based import InnerOptions
from .maml import MAML

if TYPE_CHECKING:
    from typing_extensions import Unpack


class SplitAtHead(MAML):
    """MAML on a network whose head is known: `ANIL` and `BOIL`.

    head   the head's path in the model ("head", "3"). None: the module `model.head`,
           else the last layer that has parameters, which must be linear
    """

    def __init__(
        self,
        model: nn.Module,
        inner_lr: float = 0.01,
        meta_lr: float = 0.001,
        first_order: bool = False,
        inner_steps: int = 5,
        *,
        head: str | None = None,
        **options: Unpack[InnerOptions],
    ) -> None:
        super().__init__(model, inner_lr, meta_lr, first_order, inner_steps, **options)
        self.head = head_of(type(self).__name__, model, head)


def head_of(method: str, model: nn.Module, head: str | None) -> str:
    """The path of a model's head: the one that is named, else `model.head`, else the
    last layer that has parameters, if that is a linear one.

    Raises InvalidArgumentError where there is none, or where it is the whole model.

    >>> model = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))
    >>> head_of("ANIL", model, None)
    '2'
    """
    modules = {name: module for name, module in model.named_modules() if name}
    learned = [
        n for n, module in modules.items() if any(True for _ in module.parameters())
    ]
    if head is not None:
        if head not in learned:
            raise InvalidArgumentError(
                f"{method}: head={head!r} is no module of this "
                f"{type(model).__name__} that has parameters; those are "
                f"{', '.join(map(repr, learned)) or 'none'}"
            )
        found = head
    elif "head" in learned:
        found = "head"
    else:
        own = [n for n in learned if has_own(modules[n])]
        if not own or not isinstance(modules[own[-1]], nn.Linear):
            last = (
                f"; its last layer is a {type(modules[own[-1]]).__name__}"
                if own
                else ""
            )
            raise InvalidArgumentError(
                f"{method}: found no head in this {type(model).__name__}: it has no "
                f"module `head` with parameters, and does not end in a linear layer"
                f"{last}. Name it: head='...', one of "
                f"{', '.join(map(repr, learned)) or 'none'}"
            )
        found = own[-1]
    if all(name.startswith(f"{found}.") for name, _ in model.named_parameters()):
        raise InvalidArgumentError(
            f"{method}: the head {found!r} has all parameters of this "
            f"{type(model).__name__}; there is no body"
        )
    return found


def has_own(module: nn.Module) -> bool:
    """Whether a module has parameters that belong to none below it."""
    return any("." not in name for name, _ in module.named_parameters())
