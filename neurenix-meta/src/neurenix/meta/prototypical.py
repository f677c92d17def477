"""Prototypical Networks: an embedding in which classes lie around their means."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

import neurenix as nx
from neurenix import nn
from neurenix.errors import InvalidArgumentError, ShapeError
from neurenix.nn.functional import cross_entropy

from .batches import Bucket, Episode, inputs
from .gradient_based import accuracy
from .learner import MetaLearner, Outcome, Values
from .targets import class_numbers, ways_of
from .training import mode

METRICS = ("euclidean", "cosine")


def prototypes(embedded: nx.Tensor, classes: nx.Tensor, ways: int) -> nx.Tensor:
    """The mean embedding of each class: [n, d] and int32 [n] -> [ways, d].

    c_k = Σᵢ 1[yᵢ = k] zᵢ / Σᵢ 1[yᵢ = k]; classes in any order, each at least once.

    >>> z = nx.tensor([[0.0, 2.0], [4.0, 4.0], [2.0, 4.0]])
    >>> prototypes(z, nx.tensor([1, 0, 1]), 2).tolist()
    [[4.0, 4.0], [1.0, 3.0]]
    """
    member = nx.one_hot(classes, ways, dtype=embedded.dtype)
    counts = member.sum(dim=0).reshape(ways, 1)
    return (member.transpose() @ embedded) / counts


def similarities(
    queries: nx.Tensor, centres: nx.Tensor, distance_metric: str
) -> nx.Tensor:
    """−distance of each query [m, d] to each centre [ways, d]: logits [m, ways].

    "euclidean": the squared distance Σ(q − c)². "cosine": 1 − q·c / (|q| |c|); a vector
    of zeros is at distance 1 from everything.
    """
    if distance_metric == "euclidean":
        differences = nx.expand_dims(queries, 1) - nx.expand_dims(centres, 0)
        return -(differences * differences).sum(dim=2)
    return _unit(queries) @ _unit(centres).transpose() - 1.0


def _unit(x: nx.Tensor) -> nx.Tensor:
    length = nx.norm(x, axis=1, keepdims=True)
    return x / nx.where(length == 0.0, nx.ones_like(length), length)


class PrototypicalNetworks(MetaLearner):
    """Prototypical Networks (Snell, Swersky & Zemel 2017, arXiv:1703.05175).

        c_k = mean of f over the support examples of class k              (eq. 1)
        p(y = k | x) = softmax over k of −d(f(x), c_k)                    (eq. 2)

    and the loss is −log p of the queries' classes.

    embedding_model   f: [n, ...] to [n, d] (more axes are flattened)
    distance_metric   "euclidean" (squared) or "cosine"
    meta_lr           of Adam, if `meta_learn` is given no optimizer
    embed             "together": support and query go through f in one batch, so that a
                      batch norm's statistics in training are of both; "apart": in two

    Labels are 0 to ways − 1 in any order, or one-hot rows. Nothing of f is adapted, so
    `evaluate` has no steps. With batch norm in mode "running" (the layers' default)
    predictions are not transductive.

    >>> from neurenix.meta import generate_classification_tasks
    >>> learner = PrototypicalNetworks(nn.Linear(20, 8))
    >>> tasks = generate_classification_tasks(4, seed=0)
    >>> history = learner.meta_learn(tasks, progress=False)
    >>> classify = learner.adapt_to_task(tasks[0].support_x, tasks[0].support_y)
    >>> classify(tasks[0].query_x).shape  # logits
    (50, 5)
    """

    targets = "classes"

    def __init__(
        self,
        embedding_model: nn.Module,
        distance_metric: str = "euclidean",
        meta_lr: float = 0.001,
        *,
        embed: str = "together",
    ) -> None:
        super().__init__(embedding_model, meta_lr)
        if distance_metric not in METRICS:
            raise InvalidArgumentError(
                f"distance_metric={distance_metric!r}; expected "
                f"{' or '.join(map(repr, METRICS))}"
            )
        if embed not in ("together", "apart"):
            raise InvalidArgumentError(
                f"embed={embed!r}; expected 'together' or 'apart'"
            )
        self.distance_metric = distance_metric
        self.embed = embed

    def task_loss(self, parameters: Values, task: Episode) -> Outcome:
        assert task.ways is not None  # "classes" says so
        support, query, buffers = self._embedded(parameters, task)
        centres = prototypes(support, task.support_y, task.ways)
        logits = similarities(query, centres, self.distance_metric)
        loss = cross_entropy(logits, task.query_y)
        return Outcome(loss, {"accuracy": accuracy(logits, task.query_y)}, buffers)

    def _embedded(
        self, parameters: Values, task: Episode
    ) -> tuple[nx.Tensor, nx.Tensor, Values]:
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
        outcome = self.task_loss(parameters, task)
        scores = {"loss": outcome.loss, **outcome.metrics}
        return {name: score.reshape(1) for name, score in scores.items()}

    def evaluation_steps(self, steps: int | None) -> int:
        if steps is not None:
            raise InvalidArgumentError(
                f"evaluate: steps={steps}, but Prototypical Networks take no steps"
            )
        return 0

    def check_bucket(self, bucket: Bucket) -> None:
        with mode(self, training=False), nx.no_grad():
            self._check_output(self.model(bucket.first().support_x))

    def _check_output(self, output: nx.Tensor) -> None:
        if output.ndim < 2:
            raise ShapeError(
                f"the embedding model gives outputs of shape {output.shape}; expected "
                "[n, d], a vector for each example"
            )

    def adapt_to_task(self, support_x: Any, support_y: Any) -> PrototypeClassifier:
        """A classifier by the prototypes of a support set: support_x [n, ...],
        support_y labels as in training. It keeps a copy of the embedding as it is now.
        """
        x = inputs(support_x, self.dtype)
        labels, width = class_numbers("support_y", np.asarray(support_y))
        if not x.ndim or len(x) != len(labels):
            raise ShapeError(
                f"adapt_to_task: support_x of shape {x.shape} for {len(labels)} labels"
            )
        ways = ways_of("the support set", labels, np.zeros(0, np.int32), width)

        def centres(x: nx.Tensor, classes: nx.Tensor, ways: int) -> nx.Tensor:
            with nx.no_grad():
                output, _ = self.run(self.learned(), x)
                self._check_output(output)
                return prototypes(nx.flatten(output, 1), classes, ways)

        state = [self, nx.random.default_generator]
        program = self.compiled("centres", lambda: nx.compile(centres, state=state))
        with mode(self, training=False):
            found = program(x, nx.tensor(labels), ways)
        return PrototypeClassifier(
            copy.deepcopy(self.model).eval(), found, self.distance_metric
        )


class PrototypeClassifier(nn.Module):
    """Logits [m, ways] of queries [m, ...]: minus their distances to the prototypes.

    prototypes   [ways, d]
    """

    def __init__(
        self, embedding_model: nn.Module, prototypes: nx.Tensor, distance_metric: str
    ) -> None:
        super().__init__()
        self.embedding_model = embedding_model
        self.prototypes = nn.Buffer(prototypes)
        self.distance_metric = distance_metric

    def forward(self, x: Any) -> nx.Tensor:
        kind = self.prototypes.dtype
        queries = nx.flatten(self.embedding_model(inputs(x, kind)), 1)
        return similarities(queries, self.prototypes.value(), self.distance_metric)
