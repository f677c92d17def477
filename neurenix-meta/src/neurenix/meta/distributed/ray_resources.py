"""Whether a Ray cluster has what workers take: asked before they are started, since Ray
would wait for it for ever."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from neurenix.errors import InvalidArgumentError

from ..datasets.telling import warn_user

# Seconds for Ray to count as free what workers had that have just ended.
_PATIENCE = 5.0


def check_resources(
    ray: Any, workers: int, at_least: int | None, each: Mapping[str, float]
) -> None:
    """Raises InvalidArgumentError, with what was asked and what there is, where the
    workers to begin with do not fit; warns where only the others do not."""
    first = workers if at_least is None else at_least
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    fitting = sum(_fitting(node, each) for node in nodes)
    until = time.monotonic() + _PATIENCE
    usable = min(workers, fitting) if fitting >= first else 0
    while (free := _fitting(ray.available_resources(), each)) < usable:
        if time.monotonic() > until:
            break
        time.sleep(0.1)
    room = min(fitting, free)
    if room >= workers:
        return
    if room >= first:
        warn_user(
            f"RayStrategy: the cluster has room for {room} of {workers} workers; the "
            "others join when it has more"
        )
        return
    asked = f"workers={workers}"
    asked += "" if at_least is None else f", at_least={at_least}"
    there = "; ".join(_listed(each, node) for node in nodes) or "no nodes"
    taken = "" if free >= fitting else f", of which others take all but {free}"
    raise InvalidArgumentError(
        f"RayStrategy({asked}): each takes {_listed(each, each)}, and "
        f"the cluster of {len(nodes)} node{'s' if len(nodes) != 1 else ''} ({there}) "
        f"has room for {fitting}{taken}. Ask for fewer workers, give each less by "
        "resources=, or add nodes"
    )


def _fitting(there: Mapping[str, float], each: Mapping[str, float]) -> int:
    """How many times a node has what a worker takes."""
    return min(
        (int(there.get(name, 0.0) / amount + 1e-9) for name, amount in each.items()),
        default=0,
    )


def _listed(names: Mapping[str, float], amounts: Mapping[str, float]) -> str:
    return ", ".join(f"{amounts.get(name, 0.0):g} {name}" for name in names)
