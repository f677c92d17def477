"""Where a meta-step went wrong: in the data, or in the first task and inner step that
are not finite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import neurenix as nx
from neurenix.nn.modes import mode

if TYPE_CHECKING:
    from ..learner import MetaLearner
    from ..tasks.batches import Batch


def not_finite(batch: Batch) -> str:
    """A clause on the first number of a batch's tasks that is NaN or infinite; "" where
    there is none."""
    for number, pick in zip(batch.numbers, batch.picks, strict=True):
        episode = batch.bucket.read(batch.bucket.data, nx.tensor(pick))
        for member in ("support_x", "support_y", "query_x", "query_y"):
            values = getattr(episode, member).numpy()
            if values.dtype.kind in "iub":
                continue
            bad = np.argwhere(~np.isfinite(values.astype(np.float64)))
            if len(bad):
                place = tuple(bad[0].tolist())
                return f"task {number}: {member} has {values[place]} at {[*place]}"
    return ""


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
