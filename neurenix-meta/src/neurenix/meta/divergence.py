"""Where adaptation went wrong: the first task and inner step that are not finite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import neurenix as nx
from neurenix.nn.modes import mode

if TYPE_CHECKING:
    from .batches import Batch
    from .learner import MetaLearner


def diverged_step(learner: MetaLearner, batch: Batch) -> str:
    """A clause on the first inner step of a batch's first task whose support loss or
    values are not finite, with the parameters as they are now; "" if all are finite.

    It is asked after a meta-step has failed, so that training pays nothing for it.
    """

    def finite(read: Any, data: Any, picks: nx.Tensor) -> Any:
        parameters = learner.learned()

        def one(pick: nx.Tensor) -> nx.Tensor:
            return learner.finite_steps(parameters, read(data, pick))

        with mode(learner, training=True), nx.no_grad():
            return nx.map(one)(picks)

    program = nx.compile(finite, state=[learner, nx.random.default_generator])
    steps = program(batch.bucket.read, batch.bucket.data, batch.picks).numpy()
    bad = np.argwhere(~steps)
    if not len(bad):
        return ""
    task, step = bad[0]
    return (
        f"; task {batch.numbers[task]} diverges in inner step {step + 1} of "
        f"{steps.shape[1]}"
    )
