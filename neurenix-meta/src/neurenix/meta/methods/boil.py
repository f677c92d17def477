"""BOIL: adapting everything but the head."""

from __future__ import annotations

from .adapting import Adapting, Body, Head
from .heads import SplitAtHead


class BOIL(SplitAtHead):
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

    @property
    def adapting(self) -> Adapting:
        return Body(Head(self.head))
