"""MAML++: MAML with what makes its training stable."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import neurenix as nx
from neurenix import nn, optim
from neurenix.arguments import between, whole

from ..models.batch_norm import layers
from ..outcome import Outcome, Values
from ..tasks.batches import Episode
from .adapting import Adapting, Listed
from .gradient_based import InnerOptions, support_of
from .inner_loop import Moves
from .maml import MAML
from .moves import LayerAndStepRates, layer_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

# The least weight of a step before the last, times the steps: the authors' code's.
LEAST_WEIGHT = 0.03


def step_weights(steps: int, epoch: int, epochs: int) -> list[float]:
    """v₁ … v_N of an epoch, from 0: the same for all at first, and from step to step
    less for all but the last; they add up to 1. From `epochs` on the last alone counts.

    >>> step_weights(2, 0, 10), step_weights(2, 5, 10), step_weights(2, 10, 10)
    ([0.5, 0.5], [0.25, 0.75], [0.0, 1.0])
    """
    if epoch >= epochs:
        return [0.0] * (steps - 1) + [1.0]
    before = max(1 / steps * (1 - epoch / epochs), LEAST_WEIGHT / steps)
    return [before] * (steps - 1) + [1 - (steps - 1) * before]


class MAMLPlusPlus(MAML):
    """MAML++ (Antoniou, Edwards & Storkey 2019, arXiv:1810.09502, section 4).

        min over θ, α of  mean over tasks of Σᵢ vᵢ L_query(θᵢ),   i = 1 … N
        θᵢ₊₁ = θᵢ − α_{layer, i} ∇L_support(θᵢ),   θ₀ = θ,   N = inner_steps

    - Multi-step loss: vᵢ (`step_weights`) multiplies the loss after step i; over the
      first `multi_step_epochs` epochs the weight moves to the last step.
    - Per-layer per-step rates: α has one for each layer and step, learned with θ.
      Further steps, in evaluation, use the last one.
    - Per-step batch norm: statistics, scales and shifts of their own for the weights
      after each number of steps; inner steps leave scales and shifts as they are.
    - Derivative order: first order for the first `first_order_epochs` epochs (50 in
      the paper), second order afterwards.
    - Cosine schedule: where `meta_learn` is given no optimizer, its own goes from
      `meta_lr` to `least_meta_lr` along half a cosine.

    Epochs are those of one `meta_learn`.

    inner_lr     where every rate starts
    batch_norm   as of `MAML`; without it the paper's, "per_step".
                 "per_step_transductive" is what the authors' code computes: the
                 batch's statistics, in evaluation, too

    Other arguments are those of `MAML`.

    >>> from neurenix.meta import MLP, generate_regression_tasks
    >>> learner = MAMLPlusPlus(MLP([1, 8, 1]), inner_steps=3)
    >>> [(name, rate.shape) for name, rate in learner.rates.items()]
    [('0', (3,)), ('2', (3,))]
    >>> tasks = generate_regression_tasks(4, 10, seed=0)
    >>> history = learner.meta_learn(tasks, epochs=2, progress=False)
    """

    # The first two follow from the epoch.
    without_effect = MAML.without_effect | {"_multi_step", "_first_order_now"}
    of_training = MAML.of_training | {
        *("multi_step_epochs", "first_order_epochs", "least_meta_lr")
    }

    def __init__(
        self,
        model: nn.Module,
        inner_lr: float = 0.01,
        meta_lr: float = 0.001,
        inner_steps: int = 5,
        *,
        multi_step_epochs: int = 10,
        first_order_epochs: int = 0,
        least_meta_lr: float = 1e-5,
        **options: Unpack[InnerOptions],
    ) -> None:
        options.setdefault("batch_norm", "per_step")
        super().__init__(
            model,
            inner_lr,
            meta_lr,
            False,
            inner_steps,
            **options,
        )
        method = type(self).__name__
        self.multi_step_epochs = whole(
            method, "multi_step_epochs", multi_step_epochs, 0
        )
        self.first_order_epochs = whole(
            method, "first_order_epochs", first_order_epochs, 0
        )
        self.least_meta_lr = between(method, "least_meta_lr", least_meta_lr, 0.0)
        self._adapted = self._all_but_norms()
        start = np.full(self.inner_steps, self.inner_lr)
        paths = dict.fromkeys(layer_of(name) for name in sorted(self._adapted))
        self.rates = {path: nn.Parameter(start, self.dtype) for path in paths}
        self.weights = nn.Buffer(start, self.dtype, reduction="discard")
        self.begin_epoch(0)

    def begin_epoch(self, epoch: int) -> None:
        weights = step_weights(self.inner_steps, epoch, self.multi_step_epochs)
        with self.locked():  # an evaluation in another thread reads them
            self.weights.assign(np.array(weights))
        self._multi_step = epoch < self.multi_step_epochs
        self._first_order_now = epoch < self.first_order_epochs

    def epochs_of_new_programs(self) -> Sequence[int]:
        return sorted({0, self.multi_step_epochs, self.first_order_epochs})

    def static_extra(self) -> tuple[Any, ...]:
        return (*super().static_extra(), self._multi_step, self._first_order_now)

    def default_schedule(
        self, optimizer: optim.Optimizer, epochs: int
    ) -> optim.Schedule | None:
        least = min(self.least_meta_lr, optimizer.lr)
        return optim.CosineAnnealingLR(optimizer, epochs, least)

    def _all_but_norms(self) -> frozenset[str]:
        norms = {id(p) for layer in layers(self.model) for p in layer.parameters()}
        return frozenset(
            f"model.{name}"
            for name, p in self.model.named_parameters()
            if p.dtype.is_floating and id(p) not in norms
        )

    @property
    def adapting(self) -> Adapting:
        return Listed(self._adapted, self._all_but_norms())

    @property
    def moving(self) -> Moves:
        return LayerAndStepRates(self.inner_steps)

    def task_loss(self, parameters: Values, task: Episode) -> Outcome:
        loop = self.inner_loop(self._first_order_now)
        steps = loop.steps(parameters, support_of(task), self.inner_steps)
        stages = [values for _, values in steps]
        if not self._multi_step:
            return self.on_queries(stages[-1], task, self.inner_steps)[0]
        # Running statistics go on from one pass to the next.
        names = [name for name, _ in self.named_buffers()]
        buffers: Values = {name: stages[-1][name] for name in names}
        losses: list[nx.Tensor] = []
        metrics: Values = {}
        for count, values in enumerate(stages, 1):
            score = partial(self._scored, task, count)
            recomputed = nx.remat(score) if self._remat else score
            outcome = recomputed({**values, **buffers})
            buffers = {**buffers, **outcome.buffers}
            losses.append(outcome.loss)
            metrics = outcome.metrics  # of the last
        loss = (nx.stack(losses) * self.weights.value()).sum()
        return Outcome(loss, metrics, buffers)

    def _scored(self, task: Episode, count: int, values: Values) -> Outcome:
        return self.on_queries(values, task, count)[0]
