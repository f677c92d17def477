"""Reptile: moving the initialisation towards where adaptation leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import neurenix as nx
from neurenix import nn
from neurenix.arguments import whole
from neurenix.errors import InvalidArgumentError

from ..outcome import Outcome, Values
from ..tasks.batches import Episode
from .gradient_based import GradientBased, InnerOptions, support_of
from .inner_loop import Moves
from .moves import AdamWithoutMomentum

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Reptile(GradientBased):
    """Reptile (Nichol, Achiam & Schulman 2018, arXiv:1803.02999, algorithm 2).

        θ ← θ + ε · mean over tasks of (U(θ) − θ)

    The meta-optimizer gets θ − mean U(θ) as the gradient, so that SGD at the learning
    rate ε is the line above; Adam at `meta_lr` is the default. U is `inner_steps` steps
    of gradient descent on the support set; queries serve evaluation only. The loss in
    the history is the support loss before the last inner step.

    inner_optimizer   "sgd", or "adam": Adam with β₁ = 0, as in the paper's experiments,
                      whose second moments are not reset between tasks, as in the
                      authors' code

        v ← β₂ v + (1 − β₂) g²;  θ ← θ − α g / (√(v / (1 − β₂ᵗ)) + ε)

    with β₂ = 0.999 and ε = 1e-8. Every task of a batch starts from the v and t of the
    step before, and their means over the tasks are kept (the authors' code takes tasks
    one after the other); evaluation starts from what training left, too.

    inner_batch       support examples of an inner step, None for all: of b batches, b =
                      ⌈n / inner_batch⌉, step k takes the examples k, k + b, k + 2b, …
                      (k modulo b), so that examples that lie class after class give
                      batches of all classes. A smaller support set is taken
                      whole. The paper's batches are drawn at random

    Other arguments are those of `MAML`. Raises InvalidArgumentError for another
    inner_optimizer, or an inner_batch below 1.

    >>> from neurenix.meta import generate_regression_tasks
    >>> learner = Reptile(nn.Linear(1, 1), inner_lr=0.02, inner_steps=8)
    >>> tasks = generate_regression_tasks(4, 10, seed=0)
    >>> sgd = nx.optim.SGD(learner.parameters(), lr=0.1)
    >>> history = learner.meta_learn(tasks, sgd, progress=False)
    """

    # A step goes to where tasks lead from θ, in the mean: so may several.
    may_step_apart = True

    def __init__(
        self,
        model: nn.Module,
        inner_lr: float = 0.02,
        meta_lr: float = 0.001,
        inner_steps: int = 8,
        *,
        inner_optimizer: str = "sgd",
        inner_batch: int | None = None,
        **options: Unpack[InnerOptions],
    ) -> None:
        super().__init__(model, inner_lr, meta_lr, inner_steps, **options)
        if inner_optimizer not in ("sgd", "adam"):
            raise InvalidArgumentError(
                f"inner_optimizer={inner_optimizer!r}; expected 'sgd' or 'adam'"
            )
        self.inner_optimizer = inner_optimizer
        if inner_batch is not None:
            whole(type(self).__name__, "inner_batch", inner_batch, 1)
        self.inner_batch = inner_batch
        if inner_optimizer == "adam":
            self.moments = {
                name: nn.Buffer(nx.zeros_like(p.value().detach()))
                for name, p in self.model.named_parameters()
                if p.dtype.is_floating  # frozen ones too: for when they are not
            }
            # 1 − β₂ᵗ, as a running value, which keeps its digits in float32
            self.correction = nn.Buffer(0.0, self.dtype)

    def inner_batch_of(
        self, x: nx.Tensor, y: nx.Tensor, number: int
    ) -> tuple[nx.Tensor, nx.Tensor]:
        if self.inner_batch is None or self.inner_batch >= len(x):
            return x, y
        batches = -(-len(x) // self.inner_batch)
        first = number % batches
        return x[first::batches], y[first::batches]

    @property
    def moving(self) -> Moves:
        if self.inner_optimizer == "adam":
            return AdamWithoutMomentum(self.inner_lr, type(self).__name__)
        return super().moving

    def task_gradient(
        self, parameters: Values, task: Episode
    ) -> tuple[Outcome, dict[str, nx.Tensor]]:
        steps = self.inner_loop().steps(parameters, support_of(task), self.inner_steps)
        loss, values = list(steps)[-1]
        buffers = {n: values[n] for n, _ in self.named_buffers()}
        return Outcome(loss, {}, buffers), {
            n: p - values[n] for n, p in parameters.items()
        }
