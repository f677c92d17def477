"""Finds where a meta-step went wrong: in the data, or in a task's inner step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import neurenix as nx
from neurenix.nn.modes import mode

from ..method import Method
from ..tasks.batches import Batch, Read
from .events import Event


def failure(
    method: Method, batch: Batch, event: Event, total: int, loss: nx.Tensor | float
) -> str:
    """The message of a meta-step whose loss or update is not finite, the `total`-th of
    the run: where that comes from, and what may help."""
    tasks = ", ".join(map(str, batch.numbers[:8].tolist()))
    batch = batch.loaded(len(batch))  # workers may have had its data alone
    data = not_finite(batch)
    where = f"; {data}" if data else diverged_step(method, batch)
    remedy = (
        "leave out examples with such numbers"
        if data
        else "a smaller learning rate may help"
    )
    return (
        f"meta-step {total} (epoch {event.epoch}, step {event.step}; "
        f"tasks {tasks}{', …' if len(batch.numbers) > 8 else ''}): its loss is "
        f"{float(loss)}, and the loss or the update is not finite{where}. "
        f"Parameters and optimizer are as they were before this step; {remedy}"
    )


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


def diverged_step(method: Method, batch: Batch) -> str:
    """A clause on the first inner step of a batch's first task whose support loss or
    values are not finite, with the parameters as they are now; "" if all are finite.

    It is asked after a meta-step has failed, so that training pays nothing for it.
    """

    def finite(read: Read, data: Sequence[nx.Tensor], picks: nx.Tensor) -> nx.Tensor:
        parameters = method.learned()

        def one(pick: nx.Tensor) -> nx.Tensor:
            return method.finite_steps(parameters, read(data, pick))

        with mode(method, training=True), nx.no_grad():
            finite_steps: nx.Tensor = nx.map(one)(picks)
            return finite_steps

    program = nx.compile(finite, state=[method, nx.random.default_generator])
    steps = program(batch.bucket.read, batch.bucket.data, batch.picks).numpy()
    bad = np.argwhere(~steps)
    if not len(bad):
        return ""
    task, step = bad[0]
    return (
        f"; task {batch.numbers[task]} diverges in inner step {step + 1} of "
        f"{steps.shape[1]}"
    )
