"""nx.compile's contract, clause by clause: what a program depends on, what is refused,
what is put back, what threads may do, and what it reports."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import CaptureError, InvalidArgumentError

FACTOR = 2.0


def entries(f: Any) -> int:
    return len(f.entries)


# ---- what a program depends on -------------------------------------------------------


def test_globals_closures_and_scalars_that_change(device: str) -> None:
    global FACTOR
    offset = 1.0

    def f(x: Any, power: int, name: str = "a") -> Any:
        return x**power * FACTOR + offset + (10.0 if name == "b" else 0.0)

    compiled = nx.compile(f)
    x = nx.tensor([2.0])
    assert compiled(x, 2).item() == 9.0
    assert compiled(x, 3).item() == 17.0
    assert compiled(x, 2, name="b").item() == 19.0
    offset = 5.0
    assert compiled(x, 2).item() == 13.0
    FACTOR = 3.0
    try:
        assert compiled(x, 2).item() == 17.0
    finally:
        FACTOR = 2.0
    offset = 1.0
    assert compiled(x, 2).item() == 9.0 and entries(compiled) == 5


def test_attributes_of_state(device: str) -> None:
    nx.manual_seed(0)
    net = nn.Sequential(nn.LeakyReLU(0.5), nn.Dropout(0.5))
    compiled = nx.compile(lambda x: net(x), state=[net])
    x = -nx.ones(4)
    net.eval()
    assert compiled(x).tolist() == [-0.5] * 4
    net.train()
    assert set(compiled(x).tolist()) <= {0.0, -1.0}
    net.eval()
    next(iter(net.children())).negative_slope = 0.25  # type: ignore[attr-defined]
    assert compiled(x).tolist() == [-0.25] * 4 and entries(compiled) == 3


class Scaled(nn.Module):
    def __init__(self, factor: Any) -> None:
        super().__init__()
        self.factor = factor
        self.factors = (factor, 2)

    def forward(self, x: Any) -> Any:
        return x * self.factor * self.factors[0]


def test_attributes_that_are_equal_and_differ(device: str) -> None:
    net = Scaled(1)
    scaled = nx.compile(lambda x: net(x), state=[net])
    x = nx.tensor([3])
    assert scaled(x).dtype is nx.int32
    net.factor = 1.0
    assert scaled(x).dtype is nx.float32
    net.factor, net.factors = 1, (1.0, 2)
    assert scaled(x).dtype is nx.float32
    over = nx.compile(lambda x: x / net.factor, state=[net])
    one, found = nx.tensor([1.0]), []
    for zero in (0.0, -0.0):
        net.factor = zero
        found.append(over(one).item())
    assert found == [np.inf, -np.inf]


def test_shapes_dtypes_trees_and_devices(device: str) -> None:
    f = nx.compile(lambda p: p["x"] * 2)
    assert f({"x": nx.ones(2)}).shape == (2,)
    assert f({"x": nx.ones(2, 1)}).shape == (2, 1)
    assert f({"x": nx.ones(2, dtype="float64")}).dtype is nx.float64
    assert f({"x": nx.tensor([3])}).tolist() == [6]
    assert f({"x": np.ones(2, np.float32)}).tolist() == [2.0, 2.0]  # as a tensor
    assert entries(f) == 4
    elsewhere = nx.ones(2, device="reference")
    assert str(f({"x": elsewhere}).device) == "reference:0"
    if device != "reference":
        assert entries(f) == 5
        add = nx.compile(lambda a, b: a + b)
        with pytest.raises(InvalidArgumentError, match=r"live on .* and .*reference"):
            add(nx.ones(2), elsewhere)
    with pytest.raises(InvalidArgumentError, match="type object"):
        nx.compile(lambda x: x)(object())


def test_randomness_needs_its_generator_in_state(device: str) -> None:
    generator = nx.Generator(1)
    draw = lambda: nx.uniform((3,), generator=generator)  # noqa: E731
    with pytest.raises(CaptureError):
        nx.compile(draw)()
    f = nx.compile(draw, state=[generator])
    first, second = f().tolist(), f().tolist()
    assert first != second and generator.step.item() == 2 and entries(f) == 1
    generator.manual_seed(1)
    assert f().tolist() == first
    generator.manual_seed(2)
    assert f().tolist() != first


# ---- in capture ----------------------------------------------------------------------


def test_printing_says_what_a_symbol_is(device: str, capsys: Any) -> None:
    def f(x: Any) -> Any:
        print(x * 2)
        return x * 3

    compiled = nx.compile(f)
    compiled(nx.ones(2, 3))
    assert capsys.readouterr().out == "tensor(<float32[2, 3] being captured>)\n"
    compiled(nx.ones(2, 3))
    assert capsys.readouterr().out == ""  # captured once, so printed once


def test_values_asked_for_name_the_line(device: str) -> None:
    for f in (
        lambda x: float(x.sum()),
        lambda x: x.numpy(),
        lambda x: x if x.sum() > 0 else -x,
        lambda x: [0.0] * int(x.sum()),
    ):
        with pytest.raises(CaptureError, match=r"nx.where .*test_compile_contract.py:"):
            nx.compile(f)(nx.ones(2))


def test_exceptions_put_everything_back(device: str) -> None:
    nx.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout(0.5))
    optimizer = optim.Adam(net.parameters())
    before = {k: v.tolist() for k, v in net.state_dict().items()}
    fail = True

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = net(x).sum()
        loss.backward()
        optimizer.step()
        if fail:
            raise ValueError("in the middle")
        return loss

    compiled = nx.compile(step, state=[net, optimizer])
    x = nx.tensor(np.random.default_rng(0).standard_normal((4, 2)))
    with pytest.raises(ValueError, match="in the middle"):
        compiled(x)
    assert {k: v.tolist() for k, v in net.state_dict().items()} == before
    assert optimizer.steps == 0 and entries(compiled) == 0
    assert (x * 2).sum().item() == pytest.approx(2 * x.numpy().sum(), rel=1e-5)
    fail = False
    compiled(x)
    assert optimizer.steps == 1


def test_writes_to_what_is_no_state(device: str) -> None:
    net = nn.BatchNorm1d(2, affine=False)
    before = net.running_mean.tolist()
    with pytest.raises(CaptureError, match="running_mean"):
        nx.compile(lambda x: net(x))(nx.ones(4, 2))
    assert net.running_mean.tolist() == before
    nx.compile(lambda x: net(x), state=[net])(nx.ones(4, 2))
    assert net.running_mean.tolist() != before


def test_tied_parameters_are_one_state(device: str) -> None:
    first, second = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    second.weight = first.weight
    optimizer = optim.SGD([first.weight], lr=0.5)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = (second(first(x)) ** 2).sum()
        loss.backward()
        optimizer.step()
        return loss

    start, x = first.weight.numpy().copy(), nx.tensor([[0.3, -0.2]])
    compiled = nx.compile(step, state=[first, second, optimizer])
    compiled(x)
    found = first.weight.numpy().copy()
    assert second.weight is first.weight and (found != start).any()
    first.weight.assign(start)
    step(x)
    assert np.allclose(first.weight.numpy(), found, rtol=1e-5, atol=1e-7)
    assert next(iter(compiled.cells())) == "weight" and len(compiled.cells()) == 3


def test_handles_to_donated_buffers_keep_their_values(device: str) -> None:
    cell = nx.Cell(nx.tensor([1.0, 2.0]), name="c")

    def double() -> Any:
        cell.assign(cell * 2)
        return cell.value()

    f = nx.compile(double, state=[cell])
    held = [cell.value(), cell.numpy()]
    for _ in range(3):
        held += [f(), cell.value(), cell.numpy()]
    expected = [1.0, 1.0, *(2.0**k for k in (1, 2, 3) for _ in range(3))]
    assert [float(np.asarray(h)[0]) for h in held] == expected


@pytest.mark.parametrize(
    "take",
    [
        lambda cell: cell.value(),
        lambda cell: cell.numpy(),
        np.asarray,
        lambda cell: cell.detach(),
        lambda cell: nx.nn.Parameter(cell),
        lambda cell: (cell * cell).node.inputs[0],  # as the tape keeps it
    ],
    ids=["value", "numpy", "array", "detach", "Parameter", "tape"],
)
def test_a_handle_taken_between_two_calls_keeps_its_value(
    device: str, take: Any
) -> None:
    cell = nx.Cell(nx.tensor([1.0]), requires_grad=True, name="c")
    f = nx.compile(lambda: cell.assign(cell * 2), state=[cell])
    g = nx.compile(lambda: cell.assign(cell + 1), state=[cell])
    f(), f(), g(), g(), f()  # nothing is looked at any more
    taken = take(cell)
    f(), g(), f()
    assert np.asarray(taken).tolist() == [12.0] and cell.tolist() == [50.0]
    other = nx.Cell(nx.tensor([0.0]), name="o")
    other.assign(cell)
    f()
    assert other.tolist() == [50.0] and cell.tolist() == [100.0]
    cell.assign(other)
    f()
    assert other.tolist() == [50.0] and cell.tolist() == [100.0]


def test_static_values_that_are_equal_and_differ(device: str) -> None:
    scale: Any = 1
    whole = nx.compile(lambda x: x * scale)
    x = nx.tensor([3])
    assert whole(x).dtype is nx.int32
    scale = 1.0
    assert whole(x).dtype is nx.float32
    times = nx.compile(lambda x, n: x * n)
    one = nx.tensor([1.0])
    signs = [bool(np.signbit(times(one, n).item())) for n in (0.0, -0.0, 0.0)]
    assert signs == [False, True, False] and entries(times) == 2
    nan = [times(one, float("nan")).item() for _ in range(2)]
    assert np.isnan(nan).all() and entries(times) == 3


def test_a_tuple_and_a_dict_are_no_keywords(device: str) -> None:
    f = nx.compile(lambda a, b: a[0] + b["x"])
    x, y = nx.ones(2), nx.full((2,), 2.0)
    assert f((x,), {"x": y}).tolist() == f(a=(x,), b={"x": y}).tolist() == [3.0, 3.0]
    assert f((x,), b={"x": y}).tolist() == [3.0, 3.0] and entries(f) == 3


def test_nested_compiles(device: str) -> None:
    inner = nx.compile(lambda x: nx.sin(x) * 2)
    middle = nx.compile(lambda x: inner(x) + inner(x * 2))
    outer = nx.compile(lambda x: nx.grad(lambda x: middle(x).sum())(x))
    x = np.array([0.3, 0.7])
    expected = 2 * np.cos(x) + 4 * np.cos(2 * x)
    assert np.allclose(outer(nx.tensor(x)).numpy(), expected, rtol=1e-5)
    assert (entries(inner), entries(middle), entries(outer)) == (0, 0, 1)
    cell = nx.Cell(nx.tensor(1.0), name="c")
    add = nx.compile(lambda x: cell.assign(cell + x), state=[cell])
    twice = nx.compile(lambda x: (add(x), add(x))[0], state=[cell])
    twice(nx.tensor(2.0))
    assert cell.item() == 5.0
    with pytest.raises(CaptureError, match="tensor from outside"):
        nx.compile(lambda x: add(x))(nx.tensor(1.0))
    assert cell.item() == 5.0


# ---- threads -------------------------------------------------------------------------


def test_threads_without_state(device: str) -> None:
    f = nx.compile(lambda x, n: nx.sin(x * n).sum())
    barrier = threading.Barrier(4)

    def work(k: int) -> list[float]:
        barrier.wait()
        return [f(nx.full((50,), float(k)), n).item() for n in (1, 2, 3) * 10]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, range(4)))
    for k, values in enumerate(found):
        expected = [50 * np.sin(float(k) * n) for n in (1, 2, 3) * 10]
        assert np.allclose(values, expected, rtol=1e-4, atol=1e-4)
    assert entries(f) == 3 and f.stats().misses == 3


def test_threads_that_share_state_take_turns(device: str) -> None:
    cell, other = (nx.Cell(nx.zeros(64), name=name) for name in ("c", "d"))

    def up(x: Any) -> Any:
        cell.assign(cell + x)
        return cell.value().sum()

    def both(x: Any) -> None:
        cell.assign(cell + x)
        other.assign(other + x)

    first = nx.compile(up, state=[cell])
    alone = nx.compile(lambda x: other.assign(other + x), state=[other])
    second = nx.compile(both, state=[cell, other])
    x, barrier = nx.ones(64), threading.Barrier(3)

    def work(f: Any) -> None:
        barrier.wait()
        for _ in range(100):
            f(x)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, (first, second, alone)))
    assert cell.tolist() == [200.0] * 64 and other.tolist() == [200.0] * 64


# ---- the cache, and what it reports --------------------------------------------------


def test_the_cache_is_bounded(device: str) -> None:
    f = nx.compile(lambda x, n: x + n)
    for n in range(70):
        assert f(nx.ones(1), n).item() == 1.0 + n
    assert entries(f) == 64 == f.stats().bound
    assert f(nx.ones(1), 0).item() == 1.0  # made again
    stats = f.stats()
    assert (stats.hits, stats.misses, stats.entries) == (0, 71, 64)


def test_attributes_that_change_for_ever_are_forgotten(device: str) -> None:
    net = Scaled(0)
    scaled = nx.compile(lambda x: net(x), state=[net])
    for n in [*range(150), 0, 149, 3]:
        net.factor, net.factors = n, (1, 2)
        assert scaled(nx.ones(1)).item() == n
    assert entries(scaled) == len(scaled._dependencies.numbers.known) == 64


def test_stats_and_the_verbose_flag(device: str, capsys: Any) -> None:
    def contract_example(x: Any) -> Any:
        return nx.tanh(x).sum()

    f = nx.compile(contract_example, verbose=True)
    f(nx.ones(2))
    told = capsys.readouterr().err
    assert told.startswith("nx.compile: contract_example: 1 of 64 entries")
    assert all(word in told for word in ("capture", "passes", "plan", "backend", "ms"))
    f(nx.ones(2))
    assert capsys.readouterr().err == ""
    found = [s for s in nx.compile_stats() if s.name == "contract_example"]
    assert len(found) == 1 and found[0].hits == found[0].misses == 1
    assert found[0].instructions >= 1
    planned = {"plan"} if device == "reference" else set()  # which plans nothing
    assert {k for k, v in found[0].seconds.items() if v <= 0} == planned
    del f
    assert not [s for s in nx.compile_stats() if s.name == "contract_example"]


@pytest.mark.parametrize(
    "read",
    [
        lambda k: k.item(),
        float,
        lambda k: np.asarray(k),
        lambda k: k.tolist(),
        lambda k: float(f"{k:.3f}"),
    ],
)
def test_values_read_of_a_tensor_from_outside_are_refused(read: Any) -> None:
    outside = nx.tensor(2.0)
    for _ in range(2):
        with pytest.raises(CaptureError, match="the values of a tensor from outside"):
            nx.compile(lambda x: x * read(outside))(nx.tensor(1.0))
    kept = nx.constant(outside)
    assert nx.compile(lambda x: x * read(kept))(nx.tensor(1.0)).item() == 2.0


def test_numpy_scalars_are_static_arguments() -> None:
    f = nx.compile(lambda x, k: x * k)
    for k in (np.float32(2), np.float32(3), np.int64(3), np.float64(3)):
        assert f(nx.tensor(1.0), k).item() == k


class KeepsATensor(nn.Module):
    """Makes a tensor at its first call, and keeps it."""

    def __init__(self) -> None:
        super().__init__()
        self.scale: Any = None

    def forward(self, x: Any) -> Any:
        if self.scale is None:
            self.scale = nx.ones(3) * 0.5
        return x * self.scale


class KeepsItsOutput(nn.Module):
    """What it keeps it makes anew at each call."""

    def forward(self, x: Any) -> Any:
        self.hidden = x * 2.0
        return self.hidden + 1.0


def test_a_tensor_that_a_capture_made_is_told_of() -> None:
    keeps = KeepsATensor()
    f = nx.compile(lambda x: keeps(x), state=[keeps])
    f(nx.ones(2, 3))
    for shape in ((2, 3), (4, 3)):
        with pytest.raises(CaptureError, match="an earlier capture has made"):
            f(nx.ones(*shape))
    output = KeepsItsOutput()
    g = nx.compile(lambda x: output(x), state=[output])
    for size in (1, 2, 1):
        assert g(nx.ones(size)).tolist() == [3.0] * size
