"""What a device's programs should look like: passes and layouts keep to its limits, and
results stay what they were."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.backends import Limits, TaskCosts, discovery
from neurenix.dtypes import bool_
from neurenix.errors import InvalidArgumentError
from neurenix.passes.limits import USUAL
from neurenix.passes.pipeline import Target, fusion, prepare
from neurenix.phynexus import HEADER, backend
from neurenix.phynexus.declared import FUSED_WITH_ARGMAX, declared
from neurenix.phynexus.plan.lowering import make_plan
from neurenix.primitives import ops
from neurenix.program import Program

RNG = np.random.default_rng(2)


def fused(program: Program) -> list[Any]:
    return [i for i in program.instructions if i.primitive is ops.fused]


def chain(x: Any, *ys: Any) -> Any:
    for y in ys:
        x = nx.tanh(x * y) + y
    return x.sum(0)


@pytest.mark.parametrize(
    "limits", [Limits(fused_operations=3), Limits(fused_inputs=2), USUAL]
)
def test_chains_are_no_longer_than_a_device_likes(limits: Limits) -> None:
    arrays = [RNG.normal(size=(3, 4)).astype(np.float32) for _ in range(6)]
    program = nx.capture(chain, *map(nx.tensor, arrays))
    prepared = prepare(program, Target(limits=limits))
    made = fused(prepared)
    assert (len(made) == 1) == (limits == USUAL)
    for i in made:
        ends = sum(r is not None for r in i.params["reductions"])
        body = i.params["body"].instructions
        assert len(body) + ends <= limits.fused_operations
        assert len(i.inputs) <= limits.fused_inputs
    (found,), (expected,) = prepared.evaluate(arrays), program.evaluate(arrays)
    assert np.allclose(found, expected, rtol=1e-6)


def test_what_is_dear_to_read_is_computed_again() -> None:
    def f(x: Any) -> Any:
        y = nx.exp(x)
        return nx.exp(y / y.sum(0)).sum(0)  # two passes that both need y

    program = nx.capture(f, nx.ones(64, 64))

    def stored(cost: float) -> int:
        prepared = prepare(program, Target(limits=Limits(reading=((0, cost),))))
        return sum(s.type.size for i in fused(prepared) for s in i.outputs)

    assert stored(1000.0) < 64 * 64 <= stored(0.0)


def test_windows_are_cut_no_finer_than_there_are_axes() -> None:
    def f(x: Any) -> Any:
        return nx.nn.functional.max_pool2d(nx.relu(x), 2)

    program = nx.capture(f, nx.ones(2, 3, 8, 8))

    def most(axes: int) -> int:
        prepared = prepare(program, Target(limits=Limits(axes=axes)))
        return max(len(i.params["shape"]) for i in fused(prepared))

    assert most(8) == 6 and most(5) < 6


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"fused_operations": 0}, "fused_operations=0.* below 1"),
        ({"fused_inputs": -1}, "below 1"),
        ({"reading": ()}, "must fall, to 0"),
        ({"storage": ((bool_, 0),)}, "bool takes 0 bytes"),
        ({"reading": ((64, 1.0),)}, "must fall, to 0"),
        ({"reading": ((0, 1.0), (64, 2.0), (0, 1.0))}, "must fall, to 0"),
    ],
)
def test_limits_that_no_program_could_keep(wrong: Any, said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said):
        Limits(**wrong)


def outputs_of(opcode: int, program: Program, limits: Limits) -> list[Any]:
    steps = make_plan(program, 0, limits).regions[-1].steps
    return [s.outputs[0] for s in steps if s.opcode == opcode]


@pytest.mark.parametrize("channels_fastest", [True, False])
def test_convolutions_keep_what_the_device_likes_fastest(
    channels_fastest: bool,
) -> None:
    f = nx.nn.functional.conv2d
    program = prepare(
        nx.capture(lambda x, w: f(f(x, w), w), nx.ones(2, 3, 8, 8), nx.ones(3, 3, 3, 3))
    )
    limits = Limits(channels_fastest=channels_fastest)
    first, _ = outputs_of(ops.conv_general.opcode, program, limits)
    assert first.strides[1 if channels_fastest else 3] == 1


@pytest.mark.parametrize("product_rows", [0, 2, 64])
def test_weights_are_laid_out_for_products_of_few_rows(product_rows: int) -> None:
    def f(x: Any, w: Any) -> Any:
        return (x @ w.T) @ w.T

    program = prepare(nx.capture(f, nx.ones(4, 8), nx.ones(8, 8)))
    copy = 97
    copies = outputs_of(copy, program, Limits(product_rows=product_rows))
    assert len(copies) == (product_rows >= 4)


def test_values_take_what_the_device_stores() -> None:
    """Two bools of 100 elements at once, as bytes and as words."""

    def f(x: Any) -> Any:
        a, b = x > 0, x < 1
        return nx.where(nx.flip(a, 0) & b, x, nx.flip(x, 0)), a.sum(), b.sum()

    with fusion(False):
        program = prepare(nx.capture(f, nx.ones(100)))
    scratch = [
        make_plan(program, 0, Limits(storage=storage)).regions[-1].scratch
        for storage in ((), ((bool_, 4),))
    ]
    assert scratch[1] - scratch[0] >= 2 * 3 * 100


def test_an_engine_that_says_nothing_of_limits_gets_the_usual_ones() -> None:
    raw = backend.ffi.new("phx_capabilities *")
    assert declared(raw, "").limits == USUAL
    assert "fused_argmax" not in declared(raw, "").features
    raw.opcodes[ops.fused.opcode] = 1
    assert "fused_argmax" not in declared(raw, "").features
    raw.opcodes[ops.fused.opcode] = FUSED_WITH_ARGMAX
    assert "fused_argmax" in declared(raw, "").features
    text = HEADER.read_text("utf-8")
    assert f"#define PHX_FUSED_WITH_ARGMAX {FUSED_WITH_ARGMAX} " in text


def test_an_engine_says_what_it_likes() -> None:
    raw = backend.ffi.new("phx_capabilities *")
    raw.fused_operations, raw.fused_inputs, raw.axes = 10, 11, 12
    raw.convolution_layout, raw.product_rows = 2, -1
    raw.reading_bytes, raw.reading_costs = [1 << 20, 64, 0, 0], [3.0, 2.0, 1.0, 1.0]
    found = declared(raw, "").limits
    assert found == Limits(
        fused_operations=10,
        fused_inputs=11,
        axes=8,  # of a plan
        reading=((1 << 20, 3.0), (64, 2.0), (0, 1.0), (0, 1.0)),
        channels_fastest=False,
        product_rows=0,
    )


def test_an_engine_says_what_its_tasks_cost() -> None:
    raw = backend.ffi.new("phx_capabilities *")
    assert declared(raw, "").tasks is None
    raw.task_lanes, raw.task_groups = 256, 132
    raw.task_barrier, raw.task_dispatch = 700.0, 3000.0
    raw.task_most_work, raw.task_most_elements = 1 << 20, 1 << 16
    raw.task_most_steps, raw.expanded_bytes = 4000, 1 << 30
    assert declared(raw, "").tasks == TaskCosts(
        lanes=256,
        groups=132,
        barrier=700.0,
        dispatch=3000.0,
        most_work=1 << 20,
        most_elements=1 << 16,
        most_steps=4000,
        memory_bytes=1 << 30,
    )


def test_the_engine_for_processors_declares_the_usual_ones() -> None:
    if not nx.get_device_count("cpu"):
        pytest.skip("no native engine is here")
    can = discovery.backend("cpu").capabilities(0)
    assert can.limits == USUAL and can.features == {"fused_argmax"}


def test_other_limits_change_no_result_of_an_engine() -> None:
    if not nx.get_device_count("cpu"):
        pytest.skip("no native engine is here")
    library = discovery.backend("cpu").library  # type: ignore[attr-defined]
    native = backend.NativeBackend(library)
    f = nx.nn.functional.conv2d

    def network(x: Any, w: Any) -> Any:
        return nx.nn.functional.max_pool2d(nx.relu(f(nx.relu(f(x, w)), w)), 2).sum(1)

    arrays = [
        RNG.normal(size=s).astype(np.float32) for s in ((2, 3, 8, 8), (3, 3, 3, 3))
    ]
    program = nx.capture(network, *map(nx.tensor, arrays))
    results = []
    for limits in (USUAL, Limits(2, 3, 4, ((0, 0.0),), False, 0)):
        native.engine(0).limits = limits
        can = Target(features=frozenset({"fused_argmax"}), limits=limits)
        run = native.compile(prepare(program, can), 0)
        buffers = [
            native.upload(a, t, 0)
            for a, t in zip(arrays, program.input_types, strict=True)
        ]
        (out,) = run(buffers)
        results.append(native.download(out, program.output_types[0]))
    assert np.allclose(results[0], results[1], rtol=1e-5, atol=1e-5)
