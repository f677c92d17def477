"""Reptile: moving the initialisation towards where adaptation leads."""

from __future__ import annotations

import neurenix as nx
from neurenix import nn

from .batches import Episode
from .gradient_based import GradientBased, Loss
from .learner import Outcome, Values


class Reptile(GradientBased):
    """Reptile (Nichol, Achiam & Schulman 2018, arXiv:1803.02999, algorithm 2).

        θ ← θ + ε · mean over tasks of (U(θ) − θ)

    The meta-optimizer gets θ − mean U(θ) as the gradient, so that SGD at the learning
    rate ε is the line above; Adam at `meta_lr` is the default. U is `inner_steps` steps
    of gradient descent on the support set; queries serve evaluation only. The loss in
    the history is the support loss before the last inner step.

    Arguments are those of `MAML`.

    >>> from neurenix.meta import generate_regression_tasks
    >>> learner = Reptile(nn.Linear(1, 1), inner_lr=0.02, inner_steps=8)
    >>> tasks = generate_regression_tasks(4, 10, seed=0)
    >>> sgd = nx.optim.SGD(learner.parameters(), lr=0.1)
    >>> history = learner.meta_learn(tasks, sgd, progress=False)
    """

    def __init__(
        self,
        model: nn.Module,
        inner_lr: float = 0.02,
        meta_lr: float = 0.001,
        inner_steps: int = 8,
        *,
        loss: Loss | None = None,
        batch_norm: str | None = None,
    ) -> None:
        super().__init__(
            model, inner_lr, meta_lr, inner_steps, loss=loss, batch_norm=batch_norm
        )

    def task_gradient(
        self, parameters: Values, task: Episode
    ) -> tuple[Outcome, dict[str, nx.Tensor]]:
        stages = list(
            self.adapted(parameters, task.support_x, task.support_y, self.inner_steps)
        )
        loss, values = stages[-1]
        learned = set(parameters)
        buffers = {n: v for n, v in values.items() if n not in learned}
        return Outcome(loss, {}, buffers), {
            n: p - values[n] for n, p in parameters.items()
        }
