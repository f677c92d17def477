"""Adapted: the recogniser of a learner that takes gradient steps on the examples."""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray

import neurenix as nx
from neurenix.errors import InvalidArgumentError

from ..calls import home_of
from ..methods.gradient_based import GradientBased
from ..models.batch_norm import depends_on_batch
from ..tasks.reading import network_input
from .recogniser import Array, Recogniser, Scoring


class OfAdaptation(Recogniser):
    """A learner of gradient steps, as it was when this was made. It keeps the examples
    themselves, and adapts to all of them.

    Logits are the adapted network's first `ways`. Where its batch norm is transductive,
    each query goes through it in one batch with the support set, so that no query sees
    another (Nichol et al. 2018, arXiv:1803.02999, section 6.1).
    """

    def __init__(self, learner: GradientBased, batch_size: int) -> None:
        if learner.kinds.targets == "values":
            raise InvalidArgumentError(
                f"Classifier: this {type(learner).__name__}'s targets are values; "
                "expected a learner of classes"
            )
        self.learner = copy.deepcopy(learner)
        self.batch_size = batch_size

    def kept(self, x: Array) -> Array:
        return x

    def scoring(self, kept: Array, classes: NDArray[np.int64], ways: int) -> Scoring:
        learner = self.learner
        try:
            adapted = learner.adapt_to_task(kept, classes.astype(np.int32))
        except InvalidArgumentError as error:
            raise type(error)(
                f"Classifier: {type(learner).__name__} does not adapt to {ways} "
                f"classes, for each of which its network needs an output: {error}"
            ) from error
        home, kind, dtype = home_of(learner), learner.kinds.inputs, learner.dtype
        apart = depends_on_batch(adapted)

        def read(x: Array) -> nx.Tensor:
            found = network_input("the images", x, kind, dtype)
            return found if home is None else found.to(home)

        support = read(kept) if apart else None

        def alone(query: nx.Tensor) -> nx.Tensor:
            both = nx.concat([support, nx.expand_dims(query, 0)])
            return adapted(both)[-1]

        def score(queries: Array) -> NDArray[np.float64]:
            with nx.no_grad():
                if not apart:
                    logits = adapted(read(queries)).numpy()
                else:
                    # As many examples at once as a batch of single ones would be.
                    step = max(1, self.batch_size // (len(kept) + 1))
                    several = nx.vmap(alone)
                    logits = np.concatenate(
                        [
                            several(read(queries[start : start + step])).numpy()
                            for start in range(0, len(queries), step)
                        ]
                    )
            return logits[:, :ways].astype(np.float64)

        return score
