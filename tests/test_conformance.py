"""Every primitive, on every device that is here, against the reference."""

from __future__ import annotations

import pytest

import neurenix as nx
from neurenix.dtypes import float32, float64
from neurenix.primitives import all_primitives
from neurenix.testing import (
    CASES,
    Case,
    check_batch,
    check_compiled,
    check_derivatives,
    check_forward,
)

DEVICES = ["reference"] + [d for d in ("cpu",) if nx.get_device_count(d)]
# made by passes, or holding programs: their tests are test_control.py's
ELSEWHERE = {"call", "map", "scan", "fused", "constant", "barrier", "stop_gradient"}


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    nx.init({"device": request.param})
    return str(request.param)


def test_every_primitive_has_a_case() -> None:
    names = {c.primitive for c in CASES}
    assert {p.name for p in all_primitives()} - ELSEWHERE == names


@pytest.mark.parametrize("case", CASES, ids=str)
def test_forward(device: str, case: Case) -> None:
    for dtype in case.dtypes:
        check_forward(case, dtype)


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.differentiable and float64 in c.dtypes], ids=str
)
def test_derivatives(device: str, case: Case) -> None:
    check_derivatives(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_batch(device: str, case: Case) -> None:
    check_batch(case, case.dtypes[0])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_compiled(device: str, case: Case) -> None:
    check_compiled(case, float32 if float32 in case.dtypes else case.dtypes[0])
