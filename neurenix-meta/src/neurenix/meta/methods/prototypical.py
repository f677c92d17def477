"""Prototypical Networks: an embedding in which classes lie around their means."""

from __future__ import annotations

import neurenix as nx
from neurenix import nn
from neurenix.errors import InvalidArgumentError

from ..outcome import Values
from .embedding_based import EmbeddingBased

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
    return unit(queries) @ unit(centres).transpose() - 1.0


def unit(x: nx.Tensor) -> nx.Tensor:
    """Rows of length 1; a row of zeros stays."""
    length = nx.norm(x, axis=1, keepdims=True)
    return x / nx.where(length == 0.0, nx.ones_like(length), length)


class PrototypicalNetworks(EmbeddingBased):
    """Prototypical Networks (Snell, Swersky & Zemel 2017, arXiv:1703.05175,
    section 2.2).

        c_k = mean of f over the support examples of class k              (eq. 1)
        p(y = k | x) = softmax over k of −d(f(x), c_k)                    (eq. 2)

    and the loss is −log p of the queries' classes.

    distance_metric   "euclidean" (squared) or "cosine"

    Other arguments are those of `EmbeddingBased`.

    >>> from neurenix.meta import generate_classification_tasks
    >>> learner = PrototypicalNetworks(nn.Linear(20, 8))
    >>> tasks = generate_classification_tasks(4, seed=0)
    >>> history = learner.meta_learn(tasks, progress=False)
    >>> classify = learner.adapt_to_task(tasks[0].support_x, tasks[0].support_y)
    >>> classify(tasks[0].query_x).shape  # logits
    (50, 5)
    """

    def __init__(
        self,
        embedding_model: nn.Module,
        distance_metric: str = "euclidean",
        meta_lr: float = 0.001,
        *,
        embed: str = "together",
        inputs: str | None = None,
    ) -> None:
        super().__init__(embedding_model, meta_lr, embed=embed, inputs=inputs)
        if distance_metric not in METRICS:
            raise InvalidArgumentError(
                f"distance_metric={distance_metric!r}; expected "
                f"{' or '.join(map(repr, METRICS))}"
            )
        self.distance_metric = distance_metric

    def fitted(
        self, parameters: Values, embedded: nx.Tensor, classes: nx.Tensor, ways: int
    ) -> dict[str, nx.Tensor]:
        return {"prototypes": prototypes(embedded, classes, ways)}

    def logits(
        self, parameters: Values, fitted: Values, queries: nx.Tensor
    ) -> nx.Tensor:
        return similarities(queries, fitted["prototypes"], self.distance_metric)
