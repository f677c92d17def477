"""Scans in stages: the same numbers as the loop as it was written, and less in it."""

from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.passes.pipeline import prepare
from neurenix.phynexus.plan.instructions import Copy
from neurenix.phynexus.plan.lowering import make_plan
from neurenix.phynexus.plan.scratch import most_scratch
from neurenix.primitives import ops

LENGTH, ROWS, WIDTH = 6, 3, 4


def scans_of(program):
    """Every scan of a prepared program, its regions included."""
    programs = [*program.regions(), program]
    return [i for p in programs for i in p.instructions if i.primitive is ops.scan]


def names_in(scan):
    """The primitives of a loop, those of its fused chains included."""
    body = scan.params["body"]
    return [i.primitive.name for p in (body, *body.regions()) for i in p.instructions]


def rnn(w, b, x, h):
    return nx.scan(lambda h, x: ((n := nx.tanh(h @ w + x @ w + b)), n * h), h, x)


def lstm(w, b, x, h):
    def step(state, x):
        h, c = state
        i, f, g, o = (nx.sigmoid(x + h @ w * k + b) for k in (1.0, 2.0, -1.0, 0.5))
        c = f * c + i * nx.tanh(g)
        return (o * nx.tanh(c), c), o

    (h, c), ys = nx.scan(step, (h, h * 0.5), x)
    return h * c, ys


def gates_cut_from_one_product(w, b, x, h):
    wide = nx.concat([w, w * 0.5], axis=1)

    def step(h, x):
        both = h @ wide + nx.concat([x, x], axis=-1)
        z, n = both[:, :WIDTH], both[:, WIDTH:]
        return h + nx.sigmoid(z) * (nx.tanh(n) - h), z

    return nx.scan(step, h, x)


def only_added_up(w, b, x, h):
    def step(total, x):
        return total + x.T @ x @ w.T + nx.exp(x).T @ (x + b), x.sum()

    return nx.scan(step, w, x)


def one_carry_stays(w, b, x, h):
    return nx.scan(lambda s, x: ((s[0] * s[1] + x, s[1]), s[0] + s[1]), (h, h + 1.0), x)


def one_carry_is_not_used(w, b, x, h):
    last, ys = nx.scan(lambda s, x: ((s[0] * x, nx.exp(s[1]) * 0.1), x), (h, h), x)
    return last[0], ys


def y_that_waits_for_nothing(w, b, x, h):
    return nx.scan(lambda h, x: (nx.sin(h) + x, (nx.exp(x @ w), b * 2.0)), h, x)


def carry_is_the_last_x(w, b, x, h):
    return nx.scan(lambda h, x: (x, h * x), h, x)


def carry_is_computed_from_x(w, b, x, h):
    return nx.scan(lambda h, x: (nx.tanh(x @ w), h * x), h, x)


def a_scan_in_a_scan(w, b, x, h):
    def outer(h, x):
        inner = nx.scan(lambda c, v: (nx.sin(c) * v @ w, c.sum()), x, x[None] * b)
        return nx.tanh(h + inner[0]), inner[1]

    return nx.scan(outer, h, x)


def a_map_in_a_scan(w, b, x, h):
    return nx.scan(
        lambda h, x: (nx.map(lambda r: nx.tanh(r @ w))(h + x), nx.map(nx.exp)(x)), h, x
    )


def what_is_computed_again(w, b, x, h):
    step = nx.remat(lambda h, x: nx.tanh(nx.tanh(h @ w) + nx.exp(x @ w)))
    return nx.scan(lambda h, x: ((n := step(h, x)), n), h, x)


def a_derivative_by_hand(w, b, x, h):
    @nx.custom_vjp
    def twice(x):
        return nx.sin(x) * 2.0

    twice.defvjp(lambda x: (twice.f(x), x), lambda x, g: (g * nx.cos(x) * 2.0,))
    return nx.scan(lambda h, x: (twice(h + twice(x)), twice(x)), h, x)


def a_counter(w, b, x, h):
    def step(s, x):
        n, h = s
        count = n.to(h.dtype)
        return (n + 1, nx.sin(h * x) + count), count * x

    (_, last), ys = nx.scan(step, (nx.tensor(0), h), x)
    return last, ys


def a_sum_of_rows(w, b, x, h):
    step = lambda s, x: (s + nx.exp(x @ w).sum(0), None)  # noqa: E731
    return nx.scan(step, b, x)


def added_with_its_value_read(w, b, x, h):
    return nx.scan(lambda s, x: (s + x.T @ x, s.sum()), w, x)


def two_products_of_one_operand(w, b, x, h):
    return nx.scan(lambda h, x: (nx.sin(x @ w) + nx.cos(x) @ w + h @ w, x), h, x)


def random_numbers(w, b, x, h):
    key = nx.tensor([3, 5], dtype=nx.uint32)

    def step(h, x):
        i, x = x
        bits = ops.random_bits(nx.random.fold_in(key, i), shape=(ROWS, WIDTH))
        noise = bits.to(h.dtype) * 2.0**-32
        return nx.tanh(h @ w + x * noise), noise * h

    return nx.scan(step, h, (nx.arange(x.shape[0]).to(nx.uint32), x))


BODIES = [
    rnn,
    lstm,
    gates_cut_from_one_product,
    only_added_up,
    one_carry_stays,
    one_carry_is_not_used,
    y_that_waits_for_nothing,
    carry_is_the_last_x,
    carry_is_computed_from_x,
    a_scan_in_a_scan,
    a_map_in_a_scan,
    what_is_computed_again,
    a_derivative_by_hand,
    a_counter,
    a_sum_of_rows,
    added_with_its_value_read,
    two_products_of_one_operand,
    random_numbers,
]


def arguments(length=LENGTH):
    rng = np.random.default_rng(3)
    shapes = (WIDTH, WIDTH), (WIDTH,), (length, ROWS, WIDTH), (ROWS, WIDTH)
    return [nx.tensor(rng.standard_normal(s) * 0.5, dtype=nx.float64) for s in shapes]


def loss(body):
    def run(*values):
        leaves = [v for v in nx.tree.flatten(body(*values))[0] if v.dtype.is_floating]
        return sum((nx.sin(v) * (k + 1)).sum() for k, v in enumerate(leaves))

    return run


def gradient(body):
    return nx.grad(loss(body), argnums=(0, 1, 2, 3))


def curvature(body):
    """The gradient after a step of descent, through that step."""

    def after(*values):
        found = nx.grad(loss(body), argnums=(0, 1))(*values)
        moved = [v - g * 0.1 for v, g in zip(values, found, strict=False)]
        return loss(body)(*moved, *values[2:])

    return nx.grad(after, argnums=(0, 1, 2, 3))


def agree(program, values):
    arrays = [v.numpy() for v in values]
    written, made = program.evaluate(arrays), prepare(program).evaluate(arrays)
    for a, b in zip(written, made, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-11)
    return written


@pytest.mark.parametrize("length", [0, 1, LENGTH])
@pytest.mark.parametrize("what", [loss, gradient, curvature])
@pytest.mark.parametrize("body", BODIES, ids=lambda f: f.__name__)
def test_stages_compute_what_the_loop_does(body, what, length):
    values = arguments(length)
    expected = agree(nx.capture(what(body), *values), values)
    found = nx.tree.flatten(nx.compile(what(body))(*values))[0]
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(b.numpy(), a, rtol=1e-8, atol=1e-10)


# ---- what is left in the loop --------------------------------------------------------


def loops(f, values):
    return scans_of(prepare(nx.capture(f, *values)))


def test_a_gradient_is_added_up_behind_the_loop() -> None:
    forward, backward = loops(gradient(rnn), arguments())
    assert forward.params["carries"] == backward.params["carries"] == 1
    # its products: of the forward loop one, and one that brings the cotangent back
    assert names_in(forward).count("dot_general") == 1
    assert names_in(backward).count("dot_general") == 1
    assert "sum" not in names_in(backward)


def test_what_the_forward_loop_has_is_not_computed_again() -> None:
    for what, count in ((gradient, 2), (curvature, 6)):
        found = loops(what(lstm), arguments())
        costly = [s for s in found if "tanh" in names_in(s)]
        assert len(found) == count and len(costly) == (1 if count == 2 else 2)
        program = prepare(nx.capture(what(lstm), *arguments()))
        outside = [i.params["body"] for i in program.instructions if "body" in i.params]
        bodies = {s.params["body"] for s in found}
        for body in outside:
            if body not in bodies:
                assert "tanh" not in [i.primitive.name for i in body.instructions]


def test_what_no_carry_reaches_is_one_product_for_all_steps() -> None:
    def f(w, b, x, h):
        return nx.scan(lambda h, x: (nx.tanh(h + x @ w), None), h, x)[0]

    values = arguments()
    program = prepare(nx.capture(f, *values))
    (scan,) = scans_of(program)
    assert "dot_general" not in names_in(scan)
    (product,) = (i for i in program.instructions if i.primitive is ops.dot_general)
    assert product.outputs[0].type.shape == (LENGTH, ROWS, WIDTH)


def test_a_loop_without_a_carry_is_none() -> None:
    assert not loops(y_of_x, arguments())
    assert not loops(only_added_up, arguments())


def y_of_x(w, b, x, h):
    return nx.scan(lambda h, x: (h, nx.exp(x @ w)), h, x)


def test_what_is_remade_stays_in_the_loop() -> None:
    f = gradient(what_is_computed_again)
    *_, backward = loops(f, arguments())
    assert names_in(backward).count("tanh") == 2  # made again, as was asked


def test_stages_hand_over_no_more_than_their_bound() -> None:
    """What is far larger than what the loop reads and keeps stays in it."""
    columns = 1 << 12

    def f(x, h):
        wide = nx.zeros(1, columns) + 0.5

        def step(h, x):
            big = nx.exp(x * wide)  # [64, columns], of which a column is wanted
            return h + big @ nx.tanh(h[0] * wide[0]), None

        return nx.scan(step, h, x)[0]

    x, h = nx.zeros(LENGTH, 64, 1), nx.zeros(64)
    (scan,) = loops(f, (x, h))
    assert "exp" in names_in(scan)
    (short,) = loops(f, (x[:, :4], h[:4]))
    assert "exp" not in names_in(short)


def test_a_weight_of_a_loop_is_laid_out_once() -> None:
    def f(w, h):
        return nx.scan(lambda h, _: (nx.tanh(h @ w.T), None), h, length=LENGTH)[0]

    program = nx.capture(f, nx.ones(WIDTH, WIDTH), nx.ones(ROWS, WIDTH))
    plan = make_plan(prepare(program))
    (body, whole) = plan.regions
    assert not [s for s in body.steps if isinstance(s.params, Copy)]
    (copy,) = (s for s in whole.steps if isinstance(s.params, Copy))
    assert copy.outputs[0] is not None and copy.outputs[0].strides == (1, WIDTH)


def test_cuts_are_put_back_side_by_side_without_copies() -> None:
    def f(x):
        a, b = nx.sin(x[:, :3]), nx.cos(x[:, 3:])
        return (a.sum(axis=1) * nx.exp(b).sum(axis=1)).sum()

    program = prepare(nx.capture(nx.grad(f), nx.ones(4, 8)))
    names = [i.primitive.name for i in program.instructions]
    assert "pad" not in names and names.count("concat") == 1
    plan = make_plan(program)
    assert not [s for s in plan.regions[-1].steps if isinstance(s.params, Copy)]


@pytest.mark.parametrize("side", [0, 1])
def test_products_that_share_an_operand_are_one(side) -> None:
    def f(a, b, x):
        return a @ x + b @ x if side == 0 else x @ a + x @ b

    values = [nx.tensor(np.random.default_rng(k).random((16, 16))) for k in range(3)]
    program = nx.capture(f, *values)
    made = [i.primitive for i in prepare(program).instructions]
    assert made.count(ops.dot_general) == 1
    arrays = [v.numpy() for v in values]
    expected, found = program.evaluate(arrays), prepare(program).evaluate(arrays)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)


def test_a_product_that_is_read_elsewhere_is_not_merged() -> None:
    def f(a, b, x):
        p = a @ x
        return p + b @ x, p

    values = [nx.ones(16, 16) for _ in range(3)]
    made = [i.primitive for i in prepare(nx.capture(f, *values)).instructions]
    assert made.count(ops.dot_general) == 2


def test_steps_that_are_computed_again_keep_no_stages() -> None:
    def taken(steps: int, again: bool) -> int:
        def f(w, b, x, h):
            def step(w):
                return w - nx.grad(lambda w: loss(lstm)(w, b, x, h))(w) * 0.1

            step = nx.compile(nx.remat(step) if again else step)
            for _ in range(steps):
                w = step(w)
            return loss(lstm)(w, b, x, h)

        program = prepare(nx.capture(nx.grad(f), *arguments(32)))
        return most_scratch(make_plan(program))

    assert taken(8, True) < 1.5 * taken(1, True)
    assert taken(8, False) > 2 * taken(8, True)


def test_scans_of_one_body_hand_over_what_is_the_same_alone() -> None:
    """Pulls of one scan share a body; their cotangents differ."""
    xs = nx.tensor(np.random.default_rng(0).normal(0, 1, (3, 4)), dtype="float64")

    def columns(w: Any, xs: Any) -> Any:
        def ys(w: Any) -> Any:
            return nx.scan(lambda c, x: (c, nx.exp(nx.sin(w * x))), nx.zeros(1), xs)[1]

        _, pull = nx.vjp(ys, w)
        hots = [nx.one_hot(nx.tensor([i] * 4), 3, dtype="float64").T for i in range(3)]
        return nx.stack([pull(hot)[0] for hot in hots])

    w = nx.tensor([1.0, -0.5, 2.0, 0.3], dtype="float64")
    slopes = np.exp(np.sin(w.numpy() * xs.numpy())) * np.cos(w.numpy() * xs.numpy())
    found = nx.compile(columns)(w, xs).numpy()
    assert np.allclose(found, slopes * xs.numpy(), rtol=1e-12)
