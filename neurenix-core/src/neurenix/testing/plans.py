"""The plan of a function, as native engines get it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import neurenix as nx

from ..passes.pipeline import prepare
from ..phynexus.plan.encode import Encoded, encode
from ..phynexus.plan.lowering import make_plan


def plan_of(f: Callable[..., Any], *args: Any) -> Encoded:
    """The plan that an engine with every opcode gets of f, on arguments like these.

    Raises what `nx.capture` raises.
    """
    return encode(make_plan(prepare(nx.capture(f, *args))))
