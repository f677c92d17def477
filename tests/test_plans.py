"""Plans: run with NumPy as phynexus.h says, they compute what their programs do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.phynexus.interpret import Interpreter
from neurenix.phynexus.plan.encode import encode
from neurenix.phynexus.plan.lowering import make_plan
from neurenix.phynexus.plan.place import aligned
from neurenix.primitives import ops
from neurenix.program import Program
from neurenix.testing import CASES, Case


@pytest.fixture(autouse=True)
def reference() -> None:
    nx.init({"device": "reference"})


def run_plan(program: Program, arrays: list[Any], state: int = 0) -> list[Any]:
    plan = encode(make_plan(program, state))
    inputs = [
        np.frombuffer(bytearray(a.tobytes() + b"\0" * 8), np.uint8) for a in arrays
    ]
    outputs = [np.zeros(t.nbytes + 8, np.uint8) for t in program.output_types]
    outputs[:state] = inputs[:state]
    Interpreter(plan).run(inputs, outputs)
    return [
        o[: t.nbytes].view(t.dtype.numpy).reshape(t.shape)
        for o, t in zip(outputs, program.output_types, strict=True)
    ]


def check(f: Callable[..., Any], *args: Any, state: Any = ()) -> None:
    compiled = nx.compile(f, state=state)
    tensors = nx.tree.flatten(args)[0]
    cells = list(compiled.cells().values())
    before = [np.array(c.numpy()) for c in cells]
    compiled(*args)
    (entry,) = compiled.entries.values()
    order = [next(i for i, c in enumerate(cells) if c is e) for e in entry.state.cells]
    arrays = [before[i] for i in order] + [np.array(t.numpy()) for t in tensors]
    expected = entry.program.evaluate(arrays)
    for a, b in zip(
        run_plan(entry.program, arrays, entry.state.written), expected, strict=True
    ):
        assert np.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True)


@pytest.mark.parametrize("case", [c for c in CASES if c.shapes], ids=str)
def test_each_primitive(case: Case) -> None:
    arrays = case.inputs(np.random.default_rng(0), case.dtypes[0])
    tensors = [nx.tensor(a, dtype=a.dtype) for a in arrays]
    check(lambda *xs: getattr(ops, case.primitive)(*xs, **case.params), *tensors)


def net(p: Any, x: Any) -> Any:
    return nx.tanh(nx.relu(x @ p[0] + p[1]) @ p[2])


def test_second_order_maml_through_calls_and_maps() -> None:
    rng = np.random.default_rng(0)
    p = [nx.tensor(rng.normal(0, 0.5, s)) for s in ((2, 8), (8,), (8, 1))]
    tasks = [nx.tensor(rng.normal(0, 1, (3, 5, n))) for n in (2, 1, 2, 1)]

    def loss(p: Any, x: Any, y: Any) -> Any:
        return ((net(p, x) - y) ** 2).mean()

    @nx.compile
    def inner(p: Any, x: Any, y: Any) -> Any:
        return [w - g * 0.1 for w, g in zip(p, nx.grad(loss)(p, x, y), strict=True)]

    def task(p: Any, sx: Any, sy: Any, qx: Any, qy: Any) -> Any:
        for _ in range(3):
            p = inner(p, sx, sy)
        return loss(p, qx, qy)

    def step(p: Any, *tasks: Any) -> Any:
        return nx.value_and_grad(
            lambda p: nx.map(lambda *t: task(p, *t))(*tasks).mean()
        )(p)

    check(step, p, *tasks)


def test_convolution_with_norm_and_pool() -> None:
    rng = np.random.default_rng(1)
    w, x = (
        nx.tensor(rng.normal(0, 0.3, (4, 2, 3, 3))),
        nx.tensor(rng.normal(0, 1, (2, 3, 2, 7, 7))),
    )

    def loss(w: Any, x: Any) -> Any:
        y = nn.functional.conv2d(x, w, stride=1, padding=1)
        centred = y - y.mean((0, 2, 3), keepdims=True)
        y = nx.relu(
            centred
            * nx.rsqrt((centred * centred).mean((0, 2, 3), keepdims=True) + 1e-5)
        )
        return (nn.functional.max_pool2d(y, 2) ** 2).sum()

    check(
        lambda w, x: nx.value_and_grad(
            lambda w: nx.map(lambda x: loss(w, x), reduce="mean")(x)
        )(w),
        w,
        x,
    )
    check(lambda w, x: nx.grad(lambda w: (nx.grad(loss)(w, x[0]) ** 2).sum())(w), w, x)


def test_scan_with_its_derivative() -> None:
    w, xs = (
        nx.tensor([0.5, -0.3]),
        nx.tensor(np.random.default_rng(2).normal(0, 1, (5, 2))),
    )

    def loss(w: Any, xs: Any) -> Any:
        last, ys = nx.scan(lambda c, x: (nx.tanh(c * w + x), c.sum()), w * 0, xs)
        return last.sum() + (ys * ys).sum()

    check(lambda w, xs: nx.value_and_grad(loss, (0, 1))(w, xs), w, xs)
    check(lambda w, xs: nx.grad(lambda w: (nx.grad(loss)(w, xs) ** 2).sum())(w), w, xs)


def test_state_is_overwritten_only_after_it_was_read() -> None:
    a, b = (
        nx.Cell(nx.tensor(np.arange(6.0).reshape(2, 3)), name="a"),
        nx.Cell(nx.ones(3, 2), name="b"),
    )

    def swap(x: Any) -> Any:
        old_a, old_b = a.value(), b.value()
        a.assign(old_b.T * 2 + x)
        b.assign(old_a.T)
        return old_a.sum(), old_a, old_b

    check(swap, nx.tensor([1.0, 2.0, 3.0]), state=[a, b])

    c = nx.Cell(nx.tensor(np.arange(4.0)), name="c")

    def mix(x: Any) -> Any:
        c.assign(
            c[::-1] * 1.0 + x
        )  # reads elements that it has overwritten, if done in place
        return c.sum()

    check(mix, nx.ones(4), state=[c])


def test_scratch_is_shared_by_what_lives_apart() -> None:
    f = nx.compile(lambda x: [x := nx.tanh(x @ x) for _ in range(20)][-1])
    f(nx.ones(64, 64))
    (entry,) = f.entries.values()
    plan = make_plan(entry.program)
    assert plan.regions[-1].scratch <= 3 * aligned(64 * 64 * 4)
