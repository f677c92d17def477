"""Matching Networks: attention over the support set."""

from __future__ import annotations

import neurenix as nx

from ..outcome import Values
from .embedding_based import EmbeddingBased
from .prototypical import unit


class MatchingNetworks(EmbeddingBased):
    """Matching Networks (Vinyals et al. 2016, arXiv:1606.04080, section 2.1).

        p(y | x) = Σᵢ a(x, xᵢ) yᵢ                                         (eq. 1)
        a(x, xᵢ) = softmax over i of c(f(x), f(xᵢ))             (section 2.1.1)

    with c the cosine and yᵢ the one-hot labels of the support set; the loss is −log p
    of the queries' classes. One embedding f serves support and queries, each example by
    itself (without the paper's "full context embeddings", section 2.1.2). Logits are
    log p, and a vector of zeros has the cosine 0 with everything.

    Arguments are those of `EmbeddingBased`.

    >>> from neurenix.meta import generate_classification_tasks
    >>> learner = MatchingNetworks(nx.nn.Linear(20, 8))
    >>> tasks = generate_classification_tasks(4, seed=0)
    >>> history = learner.meta_learn(tasks, progress=False)
    >>> classify = learner.adapt_to_task(tasks[0].support_x, tasks[0].support_y)
    >>> bool(nx.isclose(nx.exp(classify(tasks[0].query_x)).sum(dim=1), 1.0).all())
    True
    """

    def fitted(
        self, parameters: Values, embedded: nx.Tensor, classes: nx.Tensor, ways: int
    ) -> dict[str, nx.Tensor]:
        member = nx.one_hot(classes, ways, dtype=embedded.dtype)
        return {"support": unit(embedded), "member": member}

    def logits(
        self, parameters: Values, fitted: Values, queries: nx.Tensor
    ) -> nx.Tensor:
        cosines = unit(queries) @ fitted["support"].transpose()
        # A cosine is at most 1: the largest weight is no less than e⁻², and no class's
        # sum vanishes, whose logarithm this is.
        attention = nx.softmax(cosines, axis=1)
        return nx.log(attention @ fitted["member"])
