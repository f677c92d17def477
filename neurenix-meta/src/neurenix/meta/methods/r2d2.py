"""R2D2: ridge regression, solved in closed form, as the head."""

from __future__ import annotations

import math

import neurenix as nx
from neurenix import nn
from neurenix.arguments import positive

from ..outcome import Values
from .embedding_based import EmbeddingBased


class R2D2(EmbeddingBased):
    """Ridge regression differentiable discriminator (Bertinetto et al. 2019,
    arXiv:1805.08136, section 3.2).

        W = argmin ‖Z W − Y‖² + λ ‖W‖² = Zᵀ (Z Zᵀ + λ I)⁻¹ Y
        logits = α f(x) W + β

    with Z [n, d] the support set's embeddings and Y [n, ways] its one-hot labels: by
    Woodbury's identity a system of n equations is solved, not of d, and the derivative
    goes through the solution. The loss is the cross-entropy of the queries' logits. α,
    β and λ (as log λ, which keeps it above 0) are learned with f. The authors' code
    besides gives Z a column of ones, and divides Z and Y by √n: λ is then n times it.

    regularization   where λ starts
    scale            where α starts; β starts at 0

    Other arguments are those of `EmbeddingBased`.

    >>> from neurenix.meta import generate_classification_tasks
    >>> learner = R2D2(nn.Linear(20, 8))
    >>> [name for name, _ in learner.named_parameters()][:3]
    ['log_lambda', 'alpha', 'beta']
    >>> tasks = generate_classification_tasks(4, seed=0)
    >>> history = learner.meta_learn(tasks, progress=False)
    >>> classify = learner.adapt_to_task(tasks[0].support_x, tasks[0].support_y)
    >>> classify(tasks[0].query_x).shape
    (50, 5)
    """

    def __init__(
        self,
        embedding_model: nn.Module,
        regularization: float = 1.0,
        scale: float = 1.0,
        meta_lr: float = 0.001,
        *,
        embed: str = "together",
        inputs: str | None = None,
    ) -> None:
        super().__init__(embedding_model, meta_lr, embed=embed, inputs=inputs)
        method = type(self).__name__
        start = math.log(positive(method, "regularization", regularization))
        scale = positive(method, "scale", scale)
        kind = self.dtype  # the network's
        self.log_lambda = nn.Parameter(start, kind)
        self.alpha = nn.Parameter(scale, kind)
        self.beta = nn.Parameter(0.0, kind)

    def fitted(
        self, parameters: Values, embedded: nx.Tensor, classes: nx.Tensor, ways: int
    ) -> dict[str, nx.Tensor]:
        kind = embedded.dtype
        penalty = nx.exp(parameters["log_lambda"]) * nx.eye(len(embedded), dtype=kind)
        lower = nx.cholesky(embedded @ embedded.transpose() + penalty)
        y = nx.triangular_solve(lower, nx.one_hot(classes, ways, dtype=kind))
        dual = nx.triangular_solve(lower, y, transpose=True)
        return {"weight": embedded.transpose() @ dual}

    def logits(
        self, parameters: Values, fitted: Values, queries: nx.Tensor
    ) -> nx.Tensor:
        scores = queries @ fitted["weight"]
        return parameters["alpha"] * scores + parameters["beta"]
