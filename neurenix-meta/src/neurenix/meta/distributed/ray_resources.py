"""Whether a Ray cluster has what workers take: asked before they are started, since Ray
would wait for it for ever."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from neurenix.errors import InvalidArgumentError

# Seconds for Ray to count as free what workers had that have just ended.
_PATIENCE = 5.0


def check_resources(ray: Any, workers: int, each: Mapping[str, float]) -> None:
    """Raises InvalidArgumentError, with what was asked and what there is, where so many
    workers do not fit."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    fitting = sum(_fitting(node, each) for node in nodes)
    until = time.monotonic() + _PATIENCE
    while (free := _fitting(ray.available_resources(), each)) < workers <= fitting:
        if time.monotonic() > until:
            break
        time.sleep(0.1)
    if min(fitting, free) >= workers:
        return
    there = "; ".join(_listed(each, node) for node in nodes) or "no nodes"
    taken = "" if free >= fitting else f", of which others take all but {free}"
    raise InvalidArgumentError(
        f"RayStrategy(workers={workers}): each takes {_listed(each, each)}, and "
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
