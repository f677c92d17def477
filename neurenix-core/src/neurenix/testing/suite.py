"""The conformance suite: every primitive on a device, against the NumPy reference.

    pytest --pyargs neurenix.testing.suite --nx-device mychip

By table: values, first and second derivatives, vmap and map against a loop, compiled
programs (fused and not) against eager ones. At random: shapes of rank 0 to 8, empty
and broadcast ones; ties, NaN, infinities, denormals. What a device does not declare is
skipped, and the summary says why. It needs the extra [testing]; without Hypothesis,
what is drawn at random is skipped.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

import neurenix as nx
from neurenix.backends import discovery
from neurenix.dtypes import Dtype, float64
from neurenix.primitives import BASIS, TensorType, all_primitives, ops
from neurenix.testing.case import Case
from neurenix.testing.case_derivatives import check_derivatives
from neurenix.testing.cases import CASES
from neurenix.testing.checks import (
    check_batch,
    check_compiled,
    check_corner,
    check_forward,
    check_map,
)
from neurenix.testing.conduct import check_conduct
from neurenix.testing.corner_cases import CORNERS, Corner

try:
    from neurenix.testing.suite_at_random import (  # noqa: F401  tests of this suite
        test_random_binary,
        test_random_gather,
        test_random_integers,
        test_random_movement,
        test_random_programs,
        test_random_reduction,
        test_random_ties,
        test_random_unary,
    )
except ModuleNotFoundError as error:
    if error.name != "hypothesis":
        raise

    def test_random() -> None:
        pytest.skip("there is no Hypothesis to draw shapes and values")


# Made by passes, or holding programs: what they do shows in map and in compile.
ELSEWHERE = {
    p.name
    for p in all_primitives()
    if p.family in ("control", "fused", "identity") or p is ops.constant
}


def _needs(case: Case, *dtypes: Dtype) -> pytest.MarkDecorator:
    """The primitives and dtypes that a device must declare for a case."""
    names = {d.name for d in dtypes} | {kind for _, kind, _ in case.fixed}
    target = case.params.get("dtype")
    if target is not None:
        names.add(target.name)
    return pytest.mark.nx_needs(case.primitive, *sorted(names))


def _typed(choose: Callable[[Case], tuple[Dtype, ...]]) -> pytest.MarkDecorator:
    """A test of each case with each of the dtypes that are chosen for it."""
    return pytest.mark.parametrize(
        ("case", "dtype"),
        [
            pytest.param(case, dtype, marks=_needs(case, dtype), id=f"{case}-{dtype}")
            for case in CASES
            for dtype in choose(case)
        ],
    )


def _first(case: Case) -> tuple[Dtype, ...]:
    return case.dtypes[:1] if case.shapes else ()


_ONE_OF_EACH = list({c.primitive: c for c in reversed(CASES)}.values())


def _batchable(case: Case) -> tuple[Dtype, ...]:
    return _first(case) if max(map(len, case.shapes), default=8) < 8 else ()


def _smooth(case: Case) -> bool:
    """Whether it has a derivative in float64: floats out, and not none of them."""
    if not case.differentiable or float64 not in case.dtypes:
        return False
    kinds = dict(_fixed(case))
    types = [TensorType(s, kinds.get(i, float64)) for i, s in enumerate(case.shapes)]
    output = getattr(ops, case.primitive).infer(types, **case.params)[0]
    return bool(output.dtype.is_floating and output.size)


def _fixed(case: Case) -> list[tuple[int, Dtype]]:
    return [(i, nx.dtypes.as_dtype(kind)) for i, kind, _ in case.fixed]


def test_every_primitive_has_a_case() -> None:
    names = {c.primitive for c in CASES}
    bare = sorted({p.name for p in all_primitives()} - ELSEWHERE - names)
    assert not bare, f"give {bare} a case in neurenix/testing/cases.py"
    assert names <= {p.name for p in all_primitives()} - ELSEWHERE


def test_the_basis_is_declared(nx_device: str) -> None:
    """Every device declares the basis, into which all other primitives are
    decomposed."""
    device = nx.current_device()
    has = discovery.backend(device.type).capabilities(device.index).primitives
    assert not set(BASIS) - has


@_typed(lambda case: case.dtypes)
def test_forward(nx_device: str, case: Case, dtype: Dtype) -> None:
    check_forward(case, dtype)


@pytest.mark.parametrize(
    "case",
    [pytest.param(c, marks=_needs(c), id=str(c)) for c in CASES if _smooth(c)],
)
def test_derivatives(nx_device: str, case: Case) -> None:
    check_derivatives(case)


@_typed(_batchable)
def test_vmap(nx_device: str, case: Case, dtype: Dtype) -> None:
    check_batch(case, dtype)


@_typed(_batchable)
def test_map(nx_device: str, nx_fusion: bool, case: Case, dtype: Dtype) -> None:
    check_map(case, dtype)


@_typed(_first)
def test_compiled(nx_device: str, nx_fusion: bool, case: Case, dtype: Dtype) -> None:
    check_compiled(case, dtype)


@pytest.mark.parametrize(
    "corner",
    [
        pytest.param(
            corner,
            marks=pytest.mark.nx_needs(
                corner.primitive,
                *sorted({d.name for d in (*corner.dtypes, *corner.targets)}),
            ),
            id=f"{number}-{corner}",
        )
        for number, corner in enumerate(CORNERS)
    ],
)
def test_corners(nx_device: str, corner: Corner) -> None:
    """Where dtypes end: rounding, overflow, NaN, zeros, shifts, division by 0."""
    check_corner(corner)


@_typed(lambda case: case.dtypes[:1] if case in _ONE_OF_EACH else ())
def test_conduct(nx_device: str, case: Case, dtype: Dtype) -> None:
    """Dtypes and shapes of what it gives; nothing is kept when that is let go."""
    check_conduct(case, dtype)
