"""Passes keep what a program means to a derivative that is taken afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.passes.inline import inline_empty, inline_once
from neurenix.passes.limits import USUAL
from neurenix.passes.merge_maps import merge_maps
from neurenix.passes.order import reductions_together
from neurenix.passes.pipeline import optimised_regions
from neurenix.passes.products import merged_products
from neurenix.passes.prune import prune_regions, without_dead_code
from neurenix.passes.residuals import share_residuals
from neurenix.passes.scans import staged
from neurenix.passes.settle import settled
from neurenix.passes.simplify import simplify
from neurenix.passes.windows import in_windows
from neurenix.primitives import ops
from neurenix.program import Instruction, Program
from neurenix.program.ir import renamed
from neurenix.program.to_json import from_json, to_json
from neurenix.transforms import capture_flat
from neurenix.transforms.capture import inline

pytestmark = pytest.mark.usefixtures("device")

PASSES: dict[str, Callable[[Program], Program]] = {
    "simplify": simplify,
    "without_dead_code": without_dead_code,
    "renamed": renamed,
    "merge_maps": merge_maps,
    "share_residuals": lambda p: share_residuals(p, simplify),
    "prune_regions": prune_regions,
    "inline_once": inline_once,
    "inline_empty": inline_empty,
    "staged": lambda p: staged(p, simplify),
    "merged_products": merged_products,
    "in_windows": lambda p: in_windows(p, USUAL),
    "reductions_together": reductions_together,
    "optimised_regions": lambda p: optimised_regions(p, simplify, "a test"),
}


@nx.custom_vjp
def tripled(x: Any) -> Any:
    """sin, with three times its derivative; its second output is often unused."""
    return nx.sin(x), x + 1.0


tripled.defvjp(
    lambda x: ((nx.sin(x), x + 1.0), x), lambda x, gs: (3.0 * gs[0] * nx.cos(x),)
)


@nx.custom_vjp
def unchanged(x: Any) -> Any:
    """A body without instructions."""
    return x


unchanged.defvjp(lambda x: (x, None), lambda _, g: (5.0 * g,))


def stated(x: nx.Tensor) -> nx.Tensor:
    return unchanged(tripled(x)[0]) * x


def stopped(x: nx.Tensor) -> nx.Tensor:
    return nx.stop_gradient(x) * x


def again(x: nx.Tensor) -> nx.Tensor:
    return nx.remat(lambda x: nx.tanh(x) * x)(x)


def in_regions(x: nx.Tensor) -> nx.Tensor:
    rows = nx.map(stated)(x) + nx.map(again)(x)
    last, ys = nx.scan(lambda c, x: (stated(c * 0.5 + x), stopped(x)), x[0] * 0.0, x)
    return rows.sum(0) + last + ys.sum(0)


def with_its_pullback(x: nx.Tensor) -> nx.Tensor:
    """A call, and that of its pullback on the same input."""
    step = nx.compile(lambda x: nx.tanh(x) * tripled(x)[0])
    y, pull = nx.vjp(step, x)
    return y * pull(nx.ones_like(y))[0]


FUNCTIONS: dict[str, Callable[[nx.Tensor], nx.Tensor]] = {
    f.__name__: f for f in (stated, stopped, again, in_regions, with_its_pullback)
}
POINT = np.random.default_rng(0).normal(0.0, 1.0, (3, 2))


def program_of(name: str) -> Program:
    types = [nx.tensor(POINT, dtype=nx.float64).type]
    return capture_flat(lambda x: [FUNCTIONS[name](x)], types)[0]


def derivative(program: Program) -> Any:
    def total(x: nx.Tensor) -> nx.Tensor:
        return (inline(program, [x])[0] * 0.5).sum()

    return nx.grad(total)(nx.tensor(POINT, dtype=nx.float64)).numpy()


def instructions(program: Program) -> list[Instruction]:
    return [i for p in (*program.regions(), program) for i in p.instructions]


def count(program: Program, what: str) -> int:
    found = instructions(program)
    return sum(what in i.params or i.primitive.name == what for i in found)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("of", PASSES)
def test_a_pass_keeps_the_derivative(name: str, of: str) -> None:
    program = program_of(name)
    made = PASSES[of](program)
    assert np.allclose(derivative(made), derivative(program), rtol=1e-12)


@pytest.mark.parametrize("of", PASSES)
def test_a_pass_keeps_that_something_is_computed_again(of: str) -> None:
    made = PASSES[of](program_of("again"))
    assert count(made, "remat") == 1
    types = made.input_types
    program, _ = capture_flat(
        lambda x: [nx.grad(lambda x: inline(made, [x])[0].sum())(x)], types
    )
    assert count(program, "barrier") == 1
    assert count(program, "remat") == 2  # the pullback is one that is computed again


@pytest.mark.parametrize("name", FUNCTIONS)
def test_settling_takes_away_what_a_derivative_asks_for(name: str) -> None:
    program = program_of(name)
    made = settled(program)
    for what in ("vjp", "remat", "stop_gradient"):
        assert count(made, what) == 0
    assert any(count(program, w) for w in ("vjp", "remat", "stop_gradient"))
    assert settled(made) is made
    (a,), (b,) = program.evaluate([POINT]), made.evaluate([POINT])
    assert np.array_equal(a, b)
    same = np.allclose(derivative(made), derivative(program))
    assert same == (name == "again")


def test_settling_keeps_whose_pullback_a_region_is() -> None:
    made = settled(program_of("with_its_pullback"))
    regions = set(made.regions())
    pullbacks = [r.reverse_of for r in regions if r.reverse_of is not None]
    assert pullbacks and all(of.forward() in regions for of in pullbacks)


def test_nothing_to_settle_is_left_as_it_is() -> None:
    program = nx.capture(nx.grad(nx.compile(lambda x: (x * x).sum())), nx.ones(2))
    assert settled(program) is program


def test_calls_are_compared_by_what_they_state() -> None:
    """And printed with it."""
    body = capture_flat(lambda x: [nx.sin(x)], [nx.ones(2).type])[0]

    def twice(x: nx.Tensor) -> list[nx.Tensor]:
        plain = ops.call(x, body=body)
        return [*plain, *ops.call(x, body=body, remat=True), *plain]

    program = simplify(capture_flat(twice, [nx.ones(2).type])[0])
    assert [i.params.get("remat") for i in program.instructions] == [None, True]
    assert "remat=1" in str(program)
    assert "vjp=tripled" in str(nx.capture(stated, nx.ones(2)))
    pullback = nx.capture(nx.grad(nx.compile(lambda x: nx.sin(x).sum())), nx.ones(2))
    assert "# the reverse of region" not in str(pullback)  # the call of it went
    both = nx.capture(nx.value_and_grad(nx.compile(lambda x: nx.sin(x).sum())), x())
    assert "# the reverse of region" in str(both)


def x() -> nx.Tensor:
    return nx.ones(2)


# ---- files ---------------------------------------------------------------------------


def test_files_of_version_1_say_it_of_the_body() -> None:
    program = nx.capture(lambda x: nx.grad(lambda x: again(x).sum())(x), x())
    written = to_json(program)
    assert written["version"] == 2
    old = {**written, "version": 1}
    bodies = set()
    for region in old["regions"]:
        for i in region["instructions"]:
            if i["params"].pop("remat", False):
                bodies.add(i["params"]["body"]["region"])
    assert bodies
    for n in bodies:
        old["regions"][n]["notes"]["remat"] = True
    assert str(from_json(old)) == str(program)


def test_a_program_without_them_is_written_as_version_1() -> None:
    assert to_json(nx.capture(stopped, x()))["version"] == 1
