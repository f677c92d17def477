"""Outcomes: what a method makes of one task."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import neurenix as nx

Values = Mapping[str, nx.Tensor]


class Outcome(NamedTuple):
    """What a method makes of one task.

    loss      the meta-loss, a floating scalar
    metrics   further scalars for the history, by name
    buffers   new values of the network's buffers (running statistics), by name
    """

    loss: nx.Tensor
    metrics: Values = MappingProxyType({})
    buffers: Values = MappingProxyType({})
