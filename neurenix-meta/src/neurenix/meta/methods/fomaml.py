"""FOMAML: MAML without second derivatives, by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurenix import nn

from .gradient_based import InnerOptions
from .maml import MAML

if TYPE_CHECKING:
    from typing_extensions import Unpack


class FOMAML(MAML):
    """First-order MAML (Finn, Abbeel & Levine 2017, arXiv:1703.03400, section 5.2).

        a task's meta-gradient is ∇L_query at U(θ),
        U: θ ← θ − α ∇L_support(θ), inner_steps times

    that is MAML with the inner gradients taken as constants: ∂U/∂θ is the identity. The
    same as `MAML(..., first_order=True)`; arguments are those of `MAML`.

    >>> from neurenix.meta import generate_regression_tasks
    >>> learner = FOMAML(nn.Linear(1, 1), inner_lr=0.01, inner_steps=3)
    >>> tasks = generate_regression_tasks(4, 10, seed=0)
    >>> history = learner.meta_learn(tasks, progress=False)
    """

    def __init__(
        self,
        model: nn.Module,
        inner_lr: float = 0.01,
        meta_lr: float = 0.001,
        inner_steps: int = 5,
        **options: Unpack[InnerOptions],
    ) -> None:
        super().__init__(model, inner_lr, meta_lr, True, inner_steps, **options)
