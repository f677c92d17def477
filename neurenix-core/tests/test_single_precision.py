"""Derivatives and random programs on a device without float64: in float32, against the
reference device in float64."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

import neurenix as nx
from neurenix.backends import BackendInfo, discovery
from neurenix.backends.protocol import API_VERSION, Capabilities
from neurenix.backends.reference import ReferenceBackend, ReferenceExecutable
from neurenix.dtypes import float64, int64
from neurenix.primitives import ops
from neurenix.program import Instruction, Program
from neurenix.testing import CASES, Case, check_derivatives
from neurenix.testing.suite import test_random_programs as random_programs

# The suite finds the device by this name, as that of every test module.
NX_DEVICES = ["single"]
test_random_programs = random_programs


class Single(ReferenceBackend):
    """The reference without numbers of 64 bits, and with a kernel of another in the
    place of `wrong`."""

    wrong: str | None = None

    def capabilities(self, index: int) -> Capabilities:
        has = super().capabilities(index)
        return replace(has, dtypes=has.dtypes - {float64, int64})

    def compile(
        self, program: Program, index: int, state: int = 0
    ) -> ReferenceExecutable:
        def as_it_runs(i: Instruction) -> Instruction:
            if i.primitive.name != self.wrong:
                return i
            return Instruction(ops.sin, i.inputs, i.params, i.outputs, i.source)

        made = [as_it_runs(i) for i in program.instructions]
        return super().compile(program.made_of(made, program.outputs), index, state)


SINGLE = Single()
discovery.add(
    BackendInfo("single", API_VERSION, "test", -300, lambda: 1, lambda: SINGLE)
)
ONE_OF_EACH = list({c.primitive: c for c in CASES if c.differentiable}.values())


@pytest.fixture
def single() -> Iterator[Single]:
    nx.init({"device": "single"})
    yield SINGLE
    SINGLE.wrong = None
    nx.init()


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=str)
def test_derivatives(single: Single, case: Case) -> None:
    names = {d.name for d in single.capabilities(0).dtypes}
    target = case.params.get("dtype")
    if target is None or target.name in names:
        check_derivatives(case)


@pytest.mark.parametrize(
    ("primitive", "wrong", "which"),
    [
        ("sin", "cos", "derivative"),
        ("tanh", "tanh", "derivative"),
    ],
)
def test_a_wrong_kernel_is_found(
    single: Single, primitive: str, wrong: str, which: str
) -> None:
    """The derivative of sin reads cos."""
    single.wrong = wrong
    case = next(c for c in CASES if c.primitive == primitive and c.shapes == ((7,),))
    with pytest.raises(AssertionError, match=f"{which} .* by the reference"):
        check_derivatives(case)
