"""nx.init's precision: a device that has it hears of it, and makes programs anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import neurenix as nx
from neurenix.backends import BackendInfo, discovery
from neurenix.backends.protocol import API_VERSION, FLOAT32, Capabilities
from neurenix.backends.reference import ReferenceBackend, ReferenceExecutable
from neurenix.cli.report import DeviceReport, Report, as_text
from neurenix.errors import InvalidArgumentError
from neurenix.program import Program
from neurenix.settings import current_precision


class RoundingBackend(ReferenceBackend):
    """The reference, as a device that says it rounds; it notes what it is asked."""

    def __init__(self) -> None:
        self.precision = FLOAT32
        self.compiled: list[str] = []

    def capabilities(self, index: int) -> Capabilities:
        has = frozenset({FLOAT32, "tf32"})
        return replace(super().capabilities(index), precisions=has)

    def configure(self, options: dict[str, Any]) -> None:
        self.precision = options.get("precision", self.precision)

    def compile(
        self, program: Program, index: int, state: int = 0
    ) -> ReferenceExecutable:
        self.compiled.append(self.precision)
        return super().compile(program, index, state)


ROUNDING = RoundingBackend()
discovery.add(
    BackendInfo("rounding", API_VERSION, "tests", -300, lambda: 1, lambda: ROUNDING)
)


@pytest.fixture
def rounding() -> Iterator[RoundingBackend]:
    device = nx.current_device()
    yield ROUNDING
    nx.init({"device": str(device)})


def test_programs_are_made_for_the_precision(rounding: RoundingBackend) -> None:
    @nx.compile
    def f(x: nx.Tensor) -> nx.Tensor:
        return x @ x

    nx.init({"device": "rounding", "precision": "tf32"})
    assert current_precision() == rounding.precision == "tf32"
    x = nx.ones(3, 3, device="rounding")
    first = f(x), x @ x
    nx.init({"device": "rounding"})
    assert current_precision() == rounding.precision == FLOAT32
    rounding.compiled.clear()
    second = f(x), x @ x
    assert rounding.compiled == [FLOAT32, FLOAT32]
    nx.init({"device": "rounding", "precision": "tf32"})
    f(x)
    assert rounding.compiled == [FLOAT32, FLOAT32]  # there is one for it already
    assert [t.tolist() for t in first] == [t.tolist() for t in second]


def test_the_next_device_starts_exact(rounding: RoundingBackend) -> None:
    nx.init({"device": "rounding", "precision": "tf32"})
    nx.init({"device": "reference"})
    assert rounding.precision == current_precision() == FLOAT32


@pytest.mark.parametrize(
    ("device", "precision", "said"),
    [
        ("rounding", "half", "precision='half'; expected one of 'float32', 'tf32', "),
        ("rounding", "bfloat16", "does not have it; it has 'float32', 'tf32'$"),
        ("reference", "tf32", "does not have it; it has 'float32'$"),
    ],
)
def test_what_a_device_lacks_is_refused(
    rounding: RoundingBackend, device: str, precision: str, said: str
) -> None:
    before = nx.current_device()
    with pytest.raises(InvalidArgumentError, match=said):
        nx.init({"device": device, "precision": precision})
    assert nx.current_device() == before
    assert rounding.precision == current_precision() == FLOAT32


def test_doctor_says_what_there_is() -> None:
    exact = DeviceReport("a:0", precisions=(FLOAT32,), check="passed")
    rounds = DeviceReport("b:0", precisions=(FLOAT32, "tf32"), check="passed")
    text = as_text([Report("a", "available", devices=(exact, rounds))], None)
    assert "b:0  products in float32, tf32, self-check: passed" in text
    assert "a:0  self-check: passed" in text
