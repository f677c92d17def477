"""Conditional Neural Process: a prediction from an average of what was seen."""

from __future__ import annotations

import copy
import math
from typing import Any

import neurenix as nx
from neurenix import nn
from neurenix.errors import InvalidArgumentError, ShapeError
from neurenix.nn.modes import mode

from ..calls import call_of_users
from ..learner import MetaLearner
from ..outcome import Outcome, Values
from ..returned import output_of
from ..tasks.batches import Bucket, Episode
from ..tasks.deciding import read_support
from ..tasks.kinds import Kinds, using
from ..tasks.reading import array_of, here, network_input
from ..tasks.targets import Targets
from ..tasks.task import Given

# The deviation's floor, which keeps the likelihood bounded: the authors' code's.
LEAST_DEVIATION = 0.1


class Predictor(nn.Module):
    """Mean and deviation at x, given the examples (context_x, context_y).

    encoder   h: [n, dx + dy] to [n, r]
    decoder   g: [m, r + dx] to [m, 2 dy]
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(
        self, context_x: nx.Tensor, context_y: nx.Tensor, x: nx.Tensor
    ) -> tuple[nx.Tensor, nx.Tensor]:
        both = nx.concat([context_x, context_y], axis=1)
        encoded = output_of(self.encoder, self.encoder(both))
        seen = encoded.mean(dim=0, keepdims=True)
        seen = nx.broadcast_to(seen, (len(x), seen.shape[1]))
        output = output_of(self.decoder, self.decoder(nx.concat([seen, x], axis=1)))
        size = context_y.shape[1]
        if output.shape != (len(x), 2 * size):
            raise ShapeError(
                f"ConditionalNeuralProcess: the decoder gives {output.shape} for "
                f"{len(x)} inputs and targets of {size} values; expected "
                f"{(len(x), 2 * size)}: their means, then their deviations"
            )
        deviation = nx.softplus(output[:, size:]) * (1.0 - LEAST_DEVIATION)
        return output[:, :size], LEAST_DEVIATION + deviation


class ConditionalNeuralProcess(MetaLearner):
    """Conditional Neural Process (Garnelo et al. 2018, arXiv:1807.01613, section 2).

        r = mean over the context of h(xᵢ, yᵢ)                     (eqs. 1 and 2)
        (μ, σ) = g(x, r),  σ = 0.1 + 0.9 softplus(·)               (eq. 3)

    For regression: x [n, dx], y [n, dy]. The loss is −log N(y; μ, σ²), summed over y's
    axes and averaged over support and query examples, given the support set; what is
    asked for includes what was seen, as in the paper (section 2.3). The form of σ is
    that of the authors' code. Scores are of queries alone: "loss" likewise, and "mse",
    the mean of (μ − y)². Adapting is one pass of h: there are no inner steps.

    encoder   h: [n, dx + dy] to [n, r]
    decoder   g: [m, r + dx] to [m, 2 dy]
    meta_lr   of Adam, if `meta_learn` is given no optimizer
    inputs    what whole numbers in x are; see `MetaLearner`

    Raises ShapeError for tasks that do not fit.

    >>> from neurenix.meta import MLP, generate_regression_tasks
    >>> learner = ConditionalNeuralProcess(MLP([2, 32, 16]), MLP([17, 32, 2]))
    >>> tasks = generate_regression_tasks(4, 10, seed=0)
    >>> history = learner.meta_learn(tasks, progress=False)
    >>> adapted = learner.adapt_to_task(tasks[0].support_x, tasks[0].support_y)
    >>> mean, deviation = adapted(tasks[0].query_x)
    >>> mean.shape, deviation.shape
    ((10, 1), (10, 1))
    """

    targets: Targets = "values"

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        meta_lr: float = 0.001,
        *,
        inputs: str | None = None,
    ) -> None:
        for name, part in (("encoder", encoder), ("decoder", decoder)):
            if not isinstance(part, nn.Module):
                raise InvalidArgumentError(
                    f"ConditionalNeuralProcess: {name} is a {type(part).__name__}; "
                    "expected a neurenix.nn.Module"
                )
        if inputs == "tokens":
            raise InvalidArgumentError(
                "ConditionalNeuralProcess: inputs='tokens'; its encoder reads x beside "
                "y, so that whole numbers are 'pixels' or 'values'"
            )
        super().__init__(Predictor(encoder, decoder), meta_lr, inputs=inputs)

    def network_inputs(self, task: Episode) -> tuple[nx.Tensor, ...]:
        return (task.support_x, task.support_y, task.query_x)

    def forward(self, context_x: Any, context_y: Any, x: Any) -> Any:
        """Mean and deviation at x, given the context. All inputs are read alike."""
        asked = network_input("x", x, self.kinds.inputs, self.dtype)
        return super().forward(context_x, self._values(context_y), asked)

    def _values(self, y: Any) -> nx.Tensor:
        if isinstance(y, nx.Tensor):
            return y.to(self.dtype)
        return nx.tensor(array_of("targets", y), dtype=self.dtype)

    def task_loss(self, parameters: Values, task: Episode) -> Outcome:
        x = nx.concat([task.support_x, task.query_x])
        y = nx.concat([task.support_y, task.query_y])
        return self._outcome(parameters, task, x, y)

    def _outcome(
        self, parameters: Values, task: Episode, x: nx.Tensor, y: nx.Tensor
    ) -> Outcome:
        (mean, deviation), buffers = nn.functional_call(
            self, parameters, task.support_x, task.support_y, x
        )
        error = y - mean
        scaled = error / deviation
        each = 0.5 * scaled * scaled + nx.log(deviation) + 0.5 * math.log(2 * math.pi)
        loss = each.sum(dim=1).mean()
        return Outcome(loss, {"mse": (error * error).mean()}, buffers)

    def task_adaptation(
        self,
        parameters: Values,
        support_x: nx.Tensor,
        support_y: nx.Tensor,
        ways: int | None,
        steps: int,
    ) -> dict[str, nx.Tensor]:
        """The support set, which each prediction encodes."""
        return {"context_x": support_x, "context_y": self._values(support_y)}

    def task_prediction(
        self, adapted: Values, query_x: nx.Tensor, steps: int
    ) -> dict[str, nx.Tensor]:
        mean, deviation = self.model(
            adapted["context_x"], adapted["context_y"], query_x
        )
        return {"mean": mean, "deviation": deviation}

    def task_scores(
        self, parameters: Values, task: Episode, steps: int
    ) -> dict[str, nx.Tensor]:
        outcome = self._outcome(parameters, task, task.query_x, task.query_y)
        scores = {"loss": outcome.loss, **outcome.metrics}
        return {name: score.reshape(1) for name, score in scores.items()}

    def evaluation_steps(self, steps: int | None) -> int:
        if steps is not None:
            raise InvalidArgumentError(
                f"evaluate: steps={steps}, but ConditionalNeuralProcess takes no steps"
            )
        return 0

    def check_bucket(self, bucket: Bucket) -> None:
        task = bucket.first()
        self._check(task.support_x, task.support_y)
        if task.query_y.shape[1:] != task.support_y.shape[1:]:
            raise ShapeError(
                "ConditionalNeuralProcess: support targets of shape "
                f"{task.support_y.shape} and query targets of {task.query_y.shape}"
            )

    def _check(self, x: nx.Tensor, y: nx.Tensor) -> None:
        if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or not len(x):
            raise ShapeError(
                f"ConditionalNeuralProcess: examples of shape {x.shape} and targets of "
                f"shape {y.shape}; expected [n, dx] and [n, dy]"
            )
        with mode(self, training=False), nx.no_grad():
            self.model(x, y, x)

    @call_of_users
    def adapt_to_task(
        self, support_x: Given, support_y: Given, *, compile: bool = True
    ) -> ConditionedPredictor:
        """A function of x [m, dx] that gives mean and deviation, each [m, dy], given
        support_x [n, dx] and support_y [n, dy]. It keeps a copy of the networks."""
        x, kind = read_support(self, support_x)
        x, y = here(x), here(self._values(support_y))
        with using(self, Kinds(kind)):
            self._check(x, y)
            with self.locked():
                copied = copy.deepcopy(self.model)
        return ConditionedPredictor(copied, x, y, kind).eval()


class ConditionedPredictor(nn.Module):
    """Mean and deviation at x [m, dx], each [m, dy], given a support set.

    inputs   what whole numbers in x are, as of `MetaLearner`
    """

    def __init__(
        self,
        model: nn.Module,
        support_x: nx.Tensor,
        support_y: nx.Tensor,
        inputs: str | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.support_x = nn.Buffer(support_x)
        self.support_y = nn.Buffer(support_y)
        self.inputs = inputs

    def forward(self, x: Any) -> tuple[nx.Tensor, nx.Tensor]:
        context = self.support_x.value(), self.support_y.value()
        asked = network_input("the input", x, self.inputs, self.support_x.dtype)
        home = self.support_x.device
        result: tuple[nx.Tensor, nx.Tensor] = self.model(
            *context, asked if home is None else asked.to(home)
        )
        return result
