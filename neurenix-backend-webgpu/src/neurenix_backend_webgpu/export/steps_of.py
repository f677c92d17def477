"""A captured program as the regions that the runner's CPU executor runs."""

from __future__ import annotations

from dataclasses import dataclass

from neurenix.passes.pipeline import prepare
from neurenix.passes.target import Target
from neurenix.phynexus.plan.lowering import make_plan
from neurenix.primitives import all_primitives
from neurenix.program import Instruction, Program

from ..lowering.device_numbers import LIMITS
from .accumulated import accumulated
from .convolutions import as_products
from .integer_products import as_sums
from .layout import Constants
from .placing import check_dtypes, place_anew
from .steps import Json, Writer

# What the runner has no step for; core writes it with other primitives.
_LACKING = {
    *("argmax", "cumsum", "sort", "random_bits", "integer_pow", "erf"),
    *("cholesky", "lu", "triangular_solve", "map", "scan"),
    *("round", "sign", "is_finite", "not_equal", "less_equal", "greater_equal"),
    *("bitwise_or", "bitwise_xor", "shift_left", "any", "all", "prod"),
}
PRIMITIVES = frozenset(p.name for p in all_primitives()) - _LACKING


def _expands(instruction: Instruction) -> bool:
    return True


TARGET = Target(PRIMITIVES, frozenset(), LIMITS, _expands, device="the web")


@dataclass(frozen=True)
class Steps:
    """Regions as JSON, and the words of scratch that they take together."""

    regions: list[list[Json]]
    scratch: int


def steps_of(program: Program, state: int, constants: Constants) -> Steps:
    """The steps of a program whose first `state` outputs replace its first inputs.

    Raises BackendError or ExportError for what the web has not.
    """
    plan = make_plan(prepare(program, TARGET), state, LIMITS)
    for region in plan.regions:
        check_dtypes(region.steps)
        region.steps = accumulated(as_sums(as_products(region.steps)))
    place_anew(plan)
    regions = Writer(plan, constants.at).regions()
    return Steps(regions, plan.regions[-1].scratch // 4)
