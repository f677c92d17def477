"""Fused chains: what is made again instead of stored, and the machine code for them."""

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.program import Program

SHAPES = [
    (7,), (16,), (33,), (3, 5), (10, 40), (4, 64, 9), (2, 3, 4, 5), (100, 70),
    (9, 8), (300, 64), (50, 37), (2000, 12), (4, 30, 48), (5, 300), (40, 3, 5, 64),
]  # fmt: skip
Operation = Callable[..., nx.Tensor]
OPERATIONS: list[Operation] = [
    lambda x, y, z, s: x + y,
    lambda x, y, z, s: x - y,
    lambda x, y, z, s: x * y,
    lambda x, y, z, s: x / y,
    lambda x, y, z, s: nx.maximum(x, y),
    lambda x, y, z, s: nx.minimum(x, s),
    lambda x, y, z, s: -x,
    lambda x, y, z, s: x.abs(),
    lambda x, y, z, s: nx.sqrt(x),
    lambda x, y, z, s: nx.rsqrt(x),
    lambda x, y, z, s: nx.floor(x),
    lambda x, y, z, s: nx.round(x),
    lambda x, y, z, s: x ** int(2.5 * s),
    lambda x, y, z, s: nx.where(x > y, z, x),
    lambda x, y, z, s: nx.where((x <= s) | (y != z), x, s),
    lambda x, y, z, s: x * y + z,
    lambda x, y, z, s: x * y - z,
    lambda x, y, z, s: z - x * s,
    lambda x, y, z, s: nx.exp(nx.minimum(x, 3.0)),
]
# For bits alone: where errors grow, no tolerance tells more than these do.
TANGENTS: list[Operation] = [
    lambda x, y, z, s: nx.tanh(x),
    lambda x, y, z, s: nx.tanh(nx.tanh(y) * 1e-6),
]


def random_chain(
    seed: int, operations: Sequence[Operation] = OPERATIONS
) -> tuple[Callable[..., Any], list[nx.Tensor]]:
    """A function of a few tensors that broadcast, some with NaN and infinities."""
    choice, numbers = random.Random(seed), np.random.default_rng(seed)
    shape = choice.choice(SHAPES)
    inputs = []
    for k in range(choice.randint(1, 5)):
        axes = [1 if k and choice.random() < 0.15 else n for n in shape]
        values = numbers.normal(size=axes)
        if choice.random() < 0.3:
            special = choice.choice([np.nan, np.inf, -np.inf, 0.0, -0.0])
            values = np.where(numbers.random(axes) < 0.2, special, values)
        inputs.append(nx.tensor(values))
    steps = [
        (choice.choice(operations), *(choice.random() for _ in range(5)))
        for _ in range(choice.randint(2, 40))
    ]

    def chain(*xs: nx.Tensor) -> list[nx.Tensor]:
        values, results = list(xs), []
        for operation, a, b, c, keep, scalar in steps:
            x, y, z = (values[int(p * len(values))] for p in (a, b, c))
            values.append(operation(x, y, z, 4 * scalar - 2))
            if keep < 0.25:
                results.append(values[-1])
            if keep > 0.9 and values[-1].ndim > 1:
                over = 0, -1, tuple(range(values[-1].ndim - 1))
                results.append(values[-1].sum(over[int(keep * 1000) % 3]))
            if keep > 0.95 and values[-1].ndim > 2:  # as pooling does
                results.append(values[-1].max((1, 2)[: values[-1].ndim - 2]))
                results.append(values[-1].argmax(1))
        return [*results, values[-1]]

    return chain, inputs


def random_products(seed: int) -> tuple[Callable[..., Any], list[nx.Tensor]]:
    """Matrices of odd sizes, operands as they are or transposed, alone and in a map."""
    numbers = np.random.default_rng(seed)
    m, n, k = (int(size) for size in numbers.integers(1, 70, 3))
    a, b = numbers.normal(size=(3, m, k)), numbers.normal(size=(3, k, n))

    def products(*xs: nx.Tensor) -> list[nx.Tensor]:
        x, y, turned_x, turned_y = xs
        lhs, rhs = (x, turned_x.swapaxes(1, 2)), (y, turned_y.swapaxes(1, 2))
        pairs = [(p, q) for p in lhs for q in rhs]
        alone = [p[0] @ q[0] for p, q in pairs]
        return [*alone, *(nx.map(nx.matmul)(p, q) for p, q in pairs)]

    inputs = [a, b, a.swapaxes(1, 2), b.swapaxes(1, 2)]
    return products, [nx.tensor(np.ascontiguousarray(x)) for x in inputs]


def random_gates(seed: int) -> tuple[Callable[..., Any], list[nx.Tensor]]:
    """A recurrent cell and its pullback: rows cut out of wider matrices, and put side
    by side; more operands than a processor has pointers; products of few columns."""
    numbers = np.random.default_rng(seed)
    rows, width = (int(numbers.choice(sizes)) for sizes in ((1, 3, 10), (8, 9, 32, 40)))
    shapes = [(rows, 4 * width), (rows, width), (5, rows, 4), (4, 4 * width)]

    def cell(wide: nx.Tensor, c: nx.Tensor, x: nx.Tensor, w: nx.Tensor) -> nx.Tensor:
        h, total = c, nx.zeros(rows, width)
        for given in x @ w:
            i, f, g, o = (
                (wide + given)[:, k * width : (k + 1) * width] for k in range(4)
            )
            c = nx.sigmoid(f) * c + nx.sigmoid(i) * nx.tanh(g)
            h = nx.sigmoid(o) * nx.tanh(c) - h
            total = total + h * h
        return total.sum()

    gradient = nx.grad(cell, argnums=(0, 1, 2, 3))
    return lambda *xs: list(gradient(*xs)), [
        nx.tensor(numbers.normal(size=shape)) for shape in shapes
    ]


def bits(seeds: Sequence[int]) -> str:
    found = hashlib.sha256()
    for seed in seeds:
        if seed % 4 == 3:
            chain, inputs = random_products(seed)
        elif seed % 8 == 6:
            chain, inputs = random_gates(seed)
        else:
            chain, inputs = random_chain(seed, OPERATIONS + TANGENTS)
        for result in nx.compile(chain)(*inputs):
            array = result.numpy()
            found.update(np.where(np.isnan(array), np.float32(7), array).tobytes())
            found.update(np.isnan(array).tobytes())
    return found.hexdigest()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_chains_agree_with_the_reference() -> None:
    for seed in range(80):
        chain, inputs = random_chain(seed)
        arrays = [x.numpy() for x in inputs]
        found = nx.compile(chain)(*inputs)
        with np.errstate(all="ignore"):
            expected = nx.capture(chain, *inputs).evaluate(arrays)
        for mine, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(mine.numpy(), other, rtol=1e-3, atol=1e-5)


def test_products_agree_with_numpy() -> None:
    for seed in range(40):
        products, inputs = random_products(seed)
        a, b = (x.numpy().astype(np.float64) for x in inputs[:2])
        for k, result in enumerate(nx.compile(products)(*inputs)):
            expected = a[0] @ b[0] if k < 4 else a @ b
            np.testing.assert_allclose(result.numpy(), expected, rtol=1e-4, atol=1e-4)


def test_machine_code_gives_the_bits_of_the_kernels() -> None:
    """NEURENIX_CPU_CODE=0 runs every op of a chain as a kernel of its own."""
    if nx.get_device_count("cpu") == 0:
        pytest.skip("the engine for CPUs is not installed")
    asked = "from test_fusion import bits; import neurenix as nx; "
    asked += "nx.init({'device': 'cpu'}); print(bits(range(250)))"
    found = set()
    for setting in ("0", "1"):
        environment = {**os.environ, "NEURENIX_CPU_CODE": setting}
        found.add(
            subprocess.run(
                [sys.executable, "-c", asked],
                cwd=os.path.dirname(__file__),
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
    assert len(found) == 1, found


def fused(program: Program) -> list[Any]:
    from neurenix.passes.pipeline import prepare

    return [i for i in prepare(program).instructions if i.primitive.name == "fused"]


def test_cheap_values_are_made_again_where_they_are_read() -> None:
    """Normalised values and masks are not stored for what comes after a reduction."""

    def loss(x: nx.Tensor) -> nx.Tensor:
        centred = x - x.mean(0)
        scaled = nn_relu(centred * 3.0)
        return (scaled / scaled.sum(0)).sum()

    def nn_relu(x: nx.Tensor) -> nx.Tensor:
        return nx.where(x > 0, x, 0.0)

    x = nx.tensor(np.random.default_rng(0).normal(size=(2000, 600)))
    program = nx.capture(loss, x)
    stored = [s.type.shape for i in fused(program) for s in i.outputs]
    assert (2000, 600) not in stored
    expected = float(program.evaluate([x.numpy()])[0])
    assert nx.compile(loss)(x).item() == pytest.approx(expected, rel=1e-4)


def test_costly_values_are_stored() -> None:
    def f(x: nx.Tensor) -> nx.Tensor:
        e = nx.exp(x)
        return e / e.sum(0)

    program = nx.capture(f, nx.zeros(20, 30))
    assert any(s.type.shape == (20, 30) for i in fused(program)[:1] for s in i.outputs)


RECTIFIERS: dict[str, Callable[[nx.Tensor], nx.Tensor]] = {
    "relu": nx.relu,
    "x > 0": lambda x: nx.where(x > 0, x, 0.0),
    "x < 0": lambda x: nx.where(x < 0, x, 0.0),
    "x <= 0": lambda x: nx.where(x <= 0, 0.0, x),
    "x >= 0": lambda x: nx.where(x >= 0, 0.0, x),
}


@pytest.mark.parametrize("name", RECTIFIERS)
def test_the_mask_of_a_relu_follows_from_its_result(name: str) -> None:
    rectify = RECTIFIERS[name]

    def f(x: nx.Tensor) -> nx.Tensor:
        return nx.grad(lambda v: (rectify(v) ** 3).sum())(x)

    from neurenix.passes.simplify import simplify

    program = simplify(nx.capture(f, nx.zeros(5)))
    relu = next(i for i in program.instructions if i.primitive.name == "where")
    compared = [i for i in program.instructions if i.outputs[0] is relu.inputs[0]]
    masks = [i for i in program.instructions if i.primitive is compared[0].primitive]
    assert len(masks) == 2 and masks[1].inputs[0] is relu.outputs[0]
    x = nx.tensor([-1.0, -0.0, 0.0, 2.0, float("inf"), float("nan")])
    np.testing.assert_array_equal(nx.compile(f)(x).numpy(), f(x).numpy())


@pytest.mark.parametrize("mask", ["x >= 0", "x < 0", "x == 0", "x != 0"])
def test_other_masks_are_left_alone(mask: str) -> None:
    """where(x ≥ 0, x, 0) ≥ 0 holds everywhere, x ≥ 0 does not."""

    def f(x: nx.Tensor) -> nx.Tensor:
        chosen = eval(mask)
        y = nx.where(chosen, 0.0, x) if mask == "x < 0" else nx.where(chosen, x, 0.0)
        return y + nx.where(chosen, y * 5.0, 7.0)

    x = nx.tensor([-1.0, -0.0, 0.0, 2.0, float("inf"), float("nan")])
    np.testing.assert_array_equal(nx.compile(f)(x).numpy(), f(x).numpy())
