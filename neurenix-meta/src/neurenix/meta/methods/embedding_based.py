"""Classifiers on an embedding that is not adapted: what Prototypical and Matching
Networks, R2D2 and their kin share."""

from __future__ import annotations

import abc
import copy
from typing import Any

import neurenix as nx
from neurenix import nn
from neurenix.errors import InvalidArgumentError, ShapeError
from neurenix.nn.functional import cross_entropy
from neurenix.nn.modes import mode

from ..calls import call_of_users
from ..evaluation.adapt import adaptation
from ..evaluation.calibration import CONFIDENCE, confidence_bins
from ..learner import MetaLearner
from ..outcome import Outcome, Values
from ..returned import output_of
from ..tasks.batches import Bucket, Episode
from ..tasks.reading import network_input
from ..tasks.support import support_set
from ..tasks.targets import Targets
from ..tasks.task import Given
from .scores import accuracy


class EmbeddingBased(MetaLearner):
    """Support and queries go through a network f; a rule fitted to the support set's
    embeddings classifies those of the queries. The loss is −log p of their classes.

    embedding_model   f: [n, ...] to [n, d] (more axes are flattened)
    meta_lr           of Adam, if `meta_learn` is given no optimizer
    inputs            what whole numbers among inputs are; see `MetaLearner`
    embed             "together": support and query go through f in one batch, so that a
                      batch norm's statistics in training are of both; "apart": in two

    A method adds `fitted` and `logits`. Labels are 0 to ways − 1 in any order, or
    one-hot rows. Nothing is adapted in steps, so `evaluate` has none. With batch norm
    in mode "running" (the layers' default) predictions are not transductive.
    """

    targets: Targets = "classes"

    def __init__(
        self,
        embedding_model: nn.Module,
        meta_lr: float = 0.001,
        *,
        embed: str = "together",
        inputs: str | None = None,
    ) -> None:
        super().__init__(embedding_model, meta_lr, inputs=inputs)
        if embed not in ("together", "apart"):
            raise InvalidArgumentError(
                f"embed={embed!r}; expected 'together' or 'apart'"
            )
        self.embed = embed

    # ---- what a method adds ----------------------------------------------------------

    @abc.abstractmethod
    def fitted(
        self, parameters: Values, embedded: nx.Tensor, classes: nx.Tensor, ways: int
    ) -> dict[str, nx.Tensor]:
        """The rule for a support set: embeddings [n, d] and int32 [n] -> tensors."""

    @abc.abstractmethod
    def logits(
        self, parameters: Values, fitted: Values, queries: nx.Tensor
    ) -> nx.Tensor:
        """That rule's logits for embedded queries: [m, d] -> [m, ways]."""

    # ---- what follows from it --------------------------------------------------------

    def task_loss(self, parameters: Values, task: Episode) -> Outcome:
        return self._judged(parameters, task)[0]

    def _judged(self, parameters: Values, task: Episode) -> tuple[Outcome, nx.Tensor]:
        """The outcome, and the queries' logits."""
        assert task.ways is not None  # "classes" says so
        support, query, buffers = self._embedded(parameters, task)
        values = self.all_values(parameters)
        fitted = self.fitted(values, support, task.support_y, task.ways)
        logits = self.logits(values, fitted, query)
        loss = cross_entropy(logits, task.query_y)
        metrics = {"accuracy": accuracy(logits, task.query_y)}
        return Outcome(loss, metrics, buffers), logits

    def _embedded(
        self, parameters: Values, task: Episode
    ) -> tuple[nx.Tensor, nx.Tensor, Values]:
        if task.queries_apart:
            support, _ = self.run(parameters, task.support_x)
            query, _ = self.run_queries(parameters, task)
            return nx.flatten(support, 1), nx.flatten(query, 1), {}
        if self.embed == "together":
            count = len(task.support_x)
            both = nx.concat([task.support_x, task.query_x])
            output, buffers = self.run(parameters, both)
            z = nx.flatten(output, 1)
            return z[:count], z[count:], buffers
        support, buffers = self.run(parameters, task.support_x)
        query, more = self.run({**parameters, **buffers}, task.query_x)
        return nx.flatten(support, 1), nx.flatten(query, 1), {**buffers, **more}

    def task_scores(
        self, parameters: Values, task: Episode, steps: int
    ) -> dict[str, nx.Tensor]:
        outcome, logits = self._judged(parameters, task)
        scores = {"loss": outcome.loss, **outcome.metrics}
        scores[CONFIDENCE] = confidence_bins(logits, task.query_y)
        return {name: nx.expand_dims(score, 0) for name, score in scores.items()}

    def task_adaptation(
        self,
        parameters: Values,
        support_x: nx.Tensor,
        support_y: nx.Tensor,
        ways: int | None,
        steps: int,
    ) -> dict[str, nx.Tensor]:
        """The rule, fitted to the support set."""
        assert ways is not None  # "classes" says so
        output, _ = self.run(parameters, support_x)
        self._check_output(output)
        values = self.all_values(parameters)
        return self.fitted(values, nx.flatten(output, 1), support_y, ways)

    def task_prediction(
        self, adapted: Values, query_x: nx.Tensor, steps: int
    ) -> nx.Tensor:
        output, _ = self.run({}, query_x)
        return self.logits(self.all_values({}), adapted, nx.flatten(output, 1))

    def evaluation_steps(self, steps: int | None) -> int:
        if steps is not None:
            raise InvalidArgumentError(
                f"evaluate: steps={steps}, but {type(self).__name__} takes no steps"
            )
        return 0

    def check_bucket(self, bucket: Bucket) -> None:
        with mode(self, training=False), nx.no_grad():
            self._check_output(self.model(bucket.first().support_x))

    def _check_output(self, output: object) -> None:
        output = output_of(self.model, output)
        if output.ndim < 2:
            raise ShapeError(
                f"the embedding model gives outputs of shape {output.shape}; expected "
                "[n, d], a vector for each example"
            )

    @call_of_users
    def adapt_to_task(
        self, support_x: Given, support_y: Given, *, compile: bool = True
    ) -> EmbeddingClassifier:
        """A classifier for the classes of a support set: support_x [n, ...], support_y
        labels as in training. It keeps a copy of the embedding as it is now, and reads
        its input as the learner does."""
        support = support_set(self, support_x, support_y)
        with self.locked():  # what is copied is what was fitted
            fitted = adaptation(self, support)
            copied = copy.deepcopy(self)
        return EmbeddingClassifier(copied, fitted).eval()


class EmbeddingClassifier(nn.Module):
    """Logits [m, ways] of queries [m, ...], by a rule fitted to a support set.

    learner   whose embedding and rule it uses
    fitted    what the rule kept of the support set, by name: of Prototypical Networks
              the "prototypes" [ways, d]
    """

    def __init__(self, learner: EmbeddingBased, fitted: Values) -> None:
        super().__init__()
        self.learner = learner
        self.fitted = {name: nn.Buffer(value) for name, value in fitted.items()}

    def forward(self, x: Any) -> nx.Tensor:
        learner = self.learner
        fitted = {name: buffer.value() for name, buffer in self.fitted.items()}
        home = next(iter(fitted.values())).device
        x = network_input("the input", x, learner.kinds.inputs, learner.dtype)
        queries = nx.flatten(learner.model(x if home is None else x.to(home)), 1)
        parameters = {n: p.value() for n, p in learner.named_parameters()}
        return learner.logits(parameters, fitted, queries)
