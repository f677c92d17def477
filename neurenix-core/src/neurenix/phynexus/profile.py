"""Profiles of native engines: phynexus.h's set_profiling and read_profile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..backends.protocol import InstructionCost
from ..errors import BackendError
from ..program.describe import walk
from ._bindings import ffi
from .library import Engine, Profiled
from .plan.describe import describe_step
from .plan.lowering import make_plan

_COST = np.dtype([("count", "i8"), ("nanoseconds", "i8")], align=True)


def start_profile(engine: Engine) -> None:
    """Starts counting the engine's programs; earlier counts are forgotten.

    Raises BackendError for an engine that is too old for it.
    """
    if not engine.has("read_profile"):
        raise BackendError(
            "nx.profile needs an engine with ABI 1.2, this one has "
            f"{engine.api.abi_major}.{engine.api.abi_minor}: upgrade the backend"
        )
    # the profile keeps every executable that runs from now on, even after its user
    # drops it
    engine.profiled = set(engine.executables)
    for executable in engine.profiled:
        _costs(executable)
    engine.check(engine.api.set_profiling(engine.handle, 1))


def finish_profile(engine: Engine) -> list[InstructionCost]:
    engine.check(engine.api.set_profiling(engine.handle, 0))
    executables, engine.profiled = engine.profiled, None
    return [row for executable in executables or () for row in _rows(executable)]


def _costs(executable: Profiled) -> Any:
    costs = np.zeros(executable.instruction_count, _COST)
    engine = executable.engine
    place = ffi.cast("phx_cost *", costs.ctypes.data)
    engine.check(engine.api.read_profile(executable.handle, place, len(costs)))
    return costs


def _rows(executable: Profiled) -> Iterator[InstructionCost]:
    costs = _costs(executable)
    if not costs["count"].any():
        return
    # planned again, with the same result: no plan is kept for a profile
    limits = executable.engine.limits
    regions = make_plan(executable.program, executable.state, limits).regions
    steps = [step for region in regions for step in region.steps]
    number = {id(step): i for i, step in enumerate(steps)}
    for step, description, around, source in walk(
        len(regions) - 1,
        lambda region: regions[region].steps,
        describe_step,
        lambda step: step.region if step.region >= 0 else None,
    ):
        count, nanoseconds = costs[number[id(step)]].item()
        if count:
            yield InstructionCost(description, around, source, count, nanoseconds)
