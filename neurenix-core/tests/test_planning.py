"""Planning a program: what it costs grows with the program, no faster; and the plan's
scratch is packed as a plain search for the first gap would pack it."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

import pytest

import neurenix as nx
from neurenix.passes.pipeline import prepare
from neurenix.phynexus.plan.encode import encode
from neurenix.phynexus.plan.lowering import make_plan
from neurenix.phynexus.plan.place import aligned, place
from neurenix.phynexus.plan.views import Block

Case = tuple[Callable[..., Any], tuple[Any, ...], int]  # and how much of it is state


def unrolled(n: int) -> Case:
    """What backpropagation through time keeps lives long."""

    def loss(w: nx.Tensor, x: nx.Tensor) -> nx.Tensor:
        h = nx.zeros(4, 4)
        for _ in range(n):
            h = nx.tanh(h @ w + x)
        return (h * h).sum()

    return nx.grad(loss, argnums=(0, 1)), (nx.ones(4, 4), nx.ones(4, 4)), 0


def elementwise(n: int) -> Case:
    def f(x: nx.Tensor) -> nx.Tensor:
        for _ in range(n):
            x = nx.sin(x) * x
        return x.sum()

    return nx.grad(f), (nx.ones(8),), 0


def training_step(n: int) -> Case:
    def step(*values: nx.Tensor) -> list[nx.Tensor]:
        *weights, x = values

        def loss(ws: list[nx.Tensor]) -> nx.Tensor:
            h = x
            for w in ws:
                h = nx.tanh(h @ w)
            return h.sum()

        found, gradients = nx.value_and_grad(loss)(weights)
        return [w - 0.1 * g for w, g in zip(weights, gradients)] + [found]

    return step, tuple(nx.ones(4, 4) for _ in range(n + 1)), n


def scans(n: int) -> Case:
    def f(x: nx.Tensor) -> nx.Tensor:
        for _ in range(n):
            x, _ = nx.scan(lambda c, r: (nx.sin(c) * r, c), x, nx.stack([x, x]))
        return x.sum()

    return nx.grad(f), (nx.ones(3),), 0


def maps_of_one_array(n: int) -> Case:
    def f(x: nx.Tensor, y: nx.Tensor) -> nx.Tensor:
        for _ in range(n):
            y = nx.map(lambda a, b: nx.sin(a) + b.sum(), in_axes=(0, None))(x, y)
        return y.sum()

    return f, (nx.ones(3, 2), nx.ones(3, 2)), 0


CASES = [unrolled, elementwise, training_step, scans, maps_of_one_array]


def lines_run(f: Callable[[], Any]) -> int:
    """The lines of Python that a call goes through: the same on any machine."""
    count = 0

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        f()
    finally:
        sys.settrace(before)
    return count


def lines_an_instruction(case: Case) -> float:
    f, arguments, state = case
    program = nx.capture(f, *arguments)
    lines = lines_run(lambda: encode(make_plan(prepare(program), state)))
    return lines / program.size()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_what_planning_costs_grows_with_the_program(
    case: Callable[[int], Case],
) -> None:
    assert lines_an_instruction(case(120)) < 1.3 * lines_an_instruction(case(24))


def lines_a_block(count: int) -> float:
    """As in a gradient: what is made first lives longest."""
    blocks = [Block(64 * (1 + k % 5)) for k in range(count)]
    for k, block in enumerate(blocks):
        block.first, block.last = k, 2 * count - k if k % 3 else k + 1
    return lines_run(lambda: place(blocks)) / count


def test_what_packing_costs_grows_with_the_blocks() -> None:
    assert lines_a_block(2000) < 1.3 * lines_a_block(200)


def first_gaps(blocks: list[Block]) -> list[int]:
    """The offsets, by looking at all that lives."""
    offsets: dict[Block, int] = {}
    for block in sorted(blocks, key=lambda b: b.first):
        offset = 0
        taken = [
            (at, at + aligned(b.nbytes))
            for b, at in offsets.items()
            if b.last >= block.first
        ]
        for start, end in sorted(taken):
            if start - offset >= aligned(block.nbytes):
                break
            offset = max(offset, end)
        offsets[block] = offset
    return [offsets[b] for b in blocks]


@pytest.mark.parametrize("seed", range(20))
def test_blocks_lie_in_the_first_gaps(seed: int) -> None:
    rng = random.Random(seed)
    count = rng.choice([1, 10, 100])
    blocks = []
    for _ in range(count):
        block = Block(rng.choice([0, 1, 64, 65, 1000, rng.randrange(5000)]))
        block.first = rng.randrange(count)
        block.last = block.first + rng.choice([0, 1, 5, rng.randrange(count)])
        blocks.append(block)
    size = place(blocks)
    assert [b.offset for b in blocks] == first_gaps(blocks)
    assert size == max(b.offset + aligned(b.nbytes) for b in blocks)
