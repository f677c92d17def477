"""Meta-steps over many workers, message by message: queues at cards and processors."""

import numpy as np
from numpy.typing import NDArray

from .costs import Costs

Times = NDArray[np.float64]


def queued(arrivals: Times, service: float) -> Times:
    """When each is done, at one server that takes them as they come."""
    order = np.argsort(arrivals, kind="stable")
    before = service * np.arange(len(arrivals))
    # done[i] = max(arrival[i], done[i - 1]) + service
    done = np.maximum.accumulate(arrivals[order] - before) + before + service
    result = np.empty_like(arrivals)
    result[order] = done
    return result


def round_trip(start: float, work: Times, costs: Costs, fan: int | None) -> float:
    """When a process that knows the parameters from `start` on has the sum of all below
    it: of `fan` relays with a part of the workers each, or of the workers themselves.

    One processor sends, and then takes what comes; the card does both at once.
    """
    wire, out = costs.size / costs.card, costs.call / 2
    relays = fan is not None and len(work) > fan
    count = fan if relays else len(work)
    sent = start + costs.size * costs.byte + out * (1 + np.arange(count))
    there = queued(sent, wire) + costs.latency
    if relays:
        parts = np.array_split(work, fan)
        done = np.array(
            [round_trip(t, part, costs, fan) for t, part in zip(there, parts)]
        )
    else:
        done = there + work
    came = queued(done + costs.latency, wire)
    taken = queued(
        np.maximum(came, sent[-1]), costs.call - out + costs.size * costs.byte
    )
    return float(taken.max())


def step(
    costs: Costs,
    workers: int,
    tasks: int,
    random: np.random.Generator,
    fan: int | None = None,
) -> float:
    """The time of one step; `fan` is how many a relay serves, None without relays."""
    work = tasks * costs.task * random.lognormal(0.0, costs.spread, workers)
    return costs.update + round_trip(0.0, work, costs, fan)


def mean_step(
    costs: Costs,
    workers: int,
    tasks: int,
    steps: int = 30,
    fan: int | None = None,
    seed: int = 0,
) -> float:
    """The mean time of so many steps."""
    random = np.random.default_rng(seed)
    times = [step(costs, workers, tasks, random, fan) for _ in range(steps)]
    return float(np.mean(times))
