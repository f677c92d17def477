"""MAML: learning an initialisation from which few gradient steps lead far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurenix import nn
from neurenix.arguments import flag

from ..outcome import Outcome, Values
from ..tasks.batches import Episode
from .gradient_based import GradientBased, InnerOptions, support_of

if TYPE_CHECKING:
    from typing_extensions import Unpack


class MAML(GradientBased):
    """Model-agnostic meta-learning (Finn, Abbeel & Levine 2017, arXiv:1703.03400,
    section 2.2 and algorithm 1).

        min over θ of  mean over tasks of L_query(U(θ)),
        U: θ ← θ − α ∇L_support(θ), inner_steps times

    The paper writes it with one step and the sum over tasks. The derivative goes
    through the inner steps. With `first_order` the inner gradients are taken as
    constants, so that ∂U/∂θ is the identity and a task's meta-gradient is ∇L_query at
    U(θ) (section 5.2).

    model         maps [n, ...] to outputs [n, ways] or [n, outputs]
    inner_lr      α
    meta_lr       of Adam, if `meta_learn` is given no optimizer
    inner_steps   gradient steps in training
    loss          of (outputs, targets); by default from the targets' kind, see
                  `GradientBased`
    batch_norm    a mode for all batch-norm layers of the model ("transductive" is the
                  paper's); None: as they say

    >>> import neurenix as nx
    >>> from neurenix.meta import generate_regression_tasks
    >>> learner = MAML(nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1)))
    >>> tasks = generate_regression_tasks(4, 10, seed=0)
    >>> history = learner.meta_learn(tasks, epochs=2, progress=False)
    >>> len(history["loss"])
    2
    >>> adapted = learner.adapt_to_task(tasks[0].support_x, tasks[0].support_y)
    >>> adapted(tasks[0].query_x).shape
    (10, 1)
    """

    def __init__(
        self,
        model: nn.Module,
        inner_lr: float = 0.01,
        meta_lr: float = 0.001,
        first_order: bool = False,
        inner_steps: int = 5,
        **options: Unpack[InnerOptions],
    ) -> None:
        super().__init__(model, inner_lr, meta_lr, inner_steps, **options)
        self.first_order = flag(type(self).__name__, "first_order", first_order)

    def task_loss(self, parameters: Values, task: Episode) -> Outcome:
        loop = self.inner_loop(self.first_order)
        values = loop.after(parameters, support_of(task), self.inner_steps)
        return self.on_queries(values, task, self.inner_steps)[0]
