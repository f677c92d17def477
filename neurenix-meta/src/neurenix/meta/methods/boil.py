"""BOIL: adapting everything but the head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurenix import nn

from .adapting import Adapting, Body, Head
from .gradient_based import InnerOptions
from .heads import head_of
from .maml import MAML

if TYPE_CHECKING:
    from typing_extensions import Unpack


class BOIL(MAML):
    """Body only update in the inner loop (Oh et al. 2021, arXiv:2008.08882, section 3).

        min over θ, w of  mean over tasks of L_query(U(θ), w),
        U: θ ← θ − α ∇_θ L_support(θ, w), inner_steps times

    with w the parameters of the head, which the inner steps leave as they are, and θ
    those of the body: the opposite of `ANIL`, whose arguments and errors it has.

    >>> from neurenix.meta import MLP, generate_regression_tasks
    >>> learner = BOIL(MLP([1, 40, 1]))
    >>> tasks = generate_regression_tasks(4, 10, seed=0)
    >>> history = learner.meta_learn(tasks, progress=False)
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

    @property
    def adapting(self) -> Adapting:
        return Body(Head(self.head))
