"""ANIL: adapting the head alone."""

from __future__ import annotations

from .adapting import Adapting, Head
from .heads import SplitAtHead


class ANIL(SplitAtHead):
    """Almost no inner loop (Raghu et al. 2020, arXiv:1909.09157, section 4).

        min over θ, w of  mean over tasks of L_query(θ, U(w)),
        U: w ← w − α ∇_w L_support(θ, w), inner_steps times

    with w the parameters of the head, and θ those of the body, which the inner steps
    leave as they are. The derivative goes through the inner steps.

    head   the head's path in the model ("head", "3"). None: the module `model.head`,
           else the last layer that has parameters, which must be linear

    Other arguments are those of `MAML`. Raises InvalidArgumentError if there is no such
    head.

    >>> from neurenix.meta import MLP, generate_regression_tasks
    >>> learner = ANIL(MLP([1, 40, 1]))
    >>> learner.head
    '2'
    >>> tasks = generate_regression_tasks(4, 10, seed=0)
    >>> history = learner.meta_learn(tasks, progress=False)
    """

    @property
    def adapting(self) -> Adapting:
        return Head(self.head)
