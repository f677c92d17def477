"""What one thread does with a module, another does not see."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.errors import CaptureError, InvalidArgumentError
from neurenix.nn.modes import mode
from neurenix.user_lines import at_line, user_line


def together(*functions: Callable[[], Any]) -> list[Any]:
    """The results of functions that run in threads of their own."""
    found: list[Any] = [None] * len(functions)
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            found[number] = functions[number]()
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    if failures:
        raise failures[0]
    return found


class Meeting(nn.Module):
    """Multiplies by its weight once all who call it are in it."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.weight = nn.Parameter([1.0])
        self.calls = nn.Buffer([0.0])
        self.barrier = threading.Barrier(count, timeout=60)

    def forward(self, x: nx.Tensor) -> nx.Tensor:
        self.barrier.wait()
        self.calls.assign(self.calls + x)
        y = self.weight * x
        self.barrier.wait()
        assert y.item() == (self.weight * x).item()
        return y


def test_functional_call_from_several_threads(device: str) -> None:
    module = Meeting(3)

    def call(value: float) -> tuple[float, float, float]:
        def loss(weight: nx.Tensor) -> tuple[nx.Tensor, Any]:
            output, buffers = nn.functional_call(
                module, {"weight": weight}, nx.tensor([10 * value])
            )
            return output.sum(), buffers

        (y, buffers), g = nx.value_and_grad(loss, has_aux=True)(nx.tensor([value]))
        return y.item(), g.item(), buffers["calls"].item()

    found = together(*(lambda v=v: call(v) for v in (1.0, 2.0, 3.0)))
    assert found == [(10.0, 10.0, 10.0), (40.0, 20.0, 20.0), (90.0, 30.0, 30.0)]
    assert (module.weight.item(), module.calls.item()) == (1.0, 0.0)


def test_a_capture_is_seen_by_its_own_thread_alone(device: str) -> None:
    layer = nn.Linear(2, 1)
    inside, looked = threading.Event(), threading.Event()
    x = nx.ones(1, 2)

    def step(x: nx.Tensor) -> nx.Tensor:
        assert layer.weight.is_state
        inside.set()
        assert looked.wait(60)
        return layer(x)

    def look() -> Any:
        assert inside.wait(60)
        try:
            assert not layer.weight.is_state
            return layer(x).numpy()
        finally:
            looked.set()

    captured, seen = together(lambda: nx.compile(step, state=[layer])(x), look)
    np.testing.assert_allclose(captured.numpy(), seen, rtol=1e-6)


def test_lines_of_threads_do_not_mix() -> None:
    barrier = threading.Barrier(2, timeout=60)

    def lines(name: str) -> str | None:
        with at_line(name):
            barrier.wait()
            found = user_line()
            barrier.wait()
        return found

    assert together(lambda: lines("a:1"), lambda: lines("b:2")) == ["a:1", "b:2"]


# ---- generators that are no state ----------------------------------------------------


def test_a_generator_from_outside_is_named_and_left_as_it_was(device: str) -> None:
    generator = nx.Generator(7)
    before = generator.step.item()

    def noisy(x: nx.Tensor) -> nx.Tensor:
        return x + nx.uniform((), generator=generator)

    batched = nx.vmap(noisy)
    for f in (noisy, batched):
        with pytest.raises(CaptureError, match=r"nx\.Generator\(7\) at test_threads"):
            nx.compile(f)(nx.ones(3))
        with pytest.raises(CaptureError, match=r"capture: .* nx\.Generator\(7\) at"):
            nx.capture(f, nx.ones(3))
        assert generator.step.item() == before
    with pytest.raises(CaptureError, match=r"nx\.random\.default_generator at"):
        nx.compile(lambda x: x + nx.uniform(()))(nx.ones(3))
    assert nx.compile(batched, state=[generator])(nx.ones(3)).shape == (3,)
    assert generator.step.item() == before + 1


def test_a_failed_capture_takes_back_what_it_drew(device: str) -> None:
    generator = nx.Generator(7)
    before = generator.step.item()

    def noisy(x: nx.Tensor) -> nx.Tensor:
        nx.uniform((), generator=generator)
        raise ArithmeticError

    for transform in (nx.vmap, nx.map):
        with pytest.raises(ArithmeticError):
            transform(noisy)(nx.ones(3))
        assert generator.step.item() == before
    drawn = nx.vmap(lambda x: x + nx.uniform((), generator=generator))(nx.zeros(2))
    assert generator.step.item() == before + 1
    assert len(set(drawn.tolist())) == 2


def test_threads_draw_different_numbers(device: str) -> None:
    generator = nx.Generator(7)

    def draw() -> list[int]:
        return [int(nx.random.random_bits((), generator=generator)) for _ in range(200)]

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        drawn = [n for part in together(draw, draw, draw) for n in part]
    finally:
        sys.setswitchinterval(interval)
    assert generator.step.item() == len(set(drawn)) == 600


def test_a_thread_draws_while_another_runs_compiled_steps(device: str) -> None:
    generator = nx.Generator(7)
    step = nx.compile(
        lambda x: x + nx.uniform((), generator=generator), state=[generator]
    )
    x = nx.zeros(1)
    step(x)

    def compiled() -> None:
        for _ in range(1500):
            step(x)

    def eager() -> None:
        for _ in range(500):
            nx.uniform((), generator=generator)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        together(compiled, eager, eager)
    finally:
        sys.setswitchinterval(interval)
    assert generator.step.item() == 2501


def test_compiled_state_that_something_stands_in_for(device: str) -> None:
    layer = nn.Linear(2, 1)
    compiled = nx.compile(lambda x: layer(x), state=[layer])

    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer
            self.call: Any = compiled

        def forward(self, x: nx.Tensor) -> Any:
            return self.call(x)

    outer = Outer()
    weight = nx.zeros(1, 2)
    for call in (compiled, lambda x: compiled.run_steps(x, in_axes=0)):
        outer.call = call
        with pytest.raises(InvalidArgumentError, match="functional_call stands in for"):
            nn.functional_call(outer, {"layer.weight": weight}, nx.ones(3, 2))
    outer.call = compiled
    assert nn.functional_call(outer, {}, nx.ones(3, 2))[0].shape == (3, 1)


@pytest.mark.parametrize("within", [mode, nn.inner_step, nn.batch_norm_phase])
def test_what_one_thread_sets_is_no_other_threads(device: str, within: Any) -> None:
    """Modes of a while are part of what a compiled call depends on, by thread."""
    kinds = {
        mode: nn.Sequential(nn.BatchNorm1d(2)).eval(),
        nn.inner_step: nn.BatchNorm1d(2, mode="per_step", steps=2).eval(),
        nn.batch_norm_phase: nn.BatchNorm1d(2, mode="support").eval(),
    }
    settings = {mode: (kinds[mode], True), nn.inner_step: (1,)}
    module = kinds[within]
    if within is nn.inner_step:
        module.bias.assign([[0.0, 0.0], [5.0, 5.0]])
    f = nx.compile(lambda x: module(x), state=[module])
    state = module.state_dict()

    def found() -> Any:
        module.load_state_dict(state)
        return f(nx.tensor([[1.0, 2.0], [3.0, 8.0]])).tolist()

    outside = found()
    with within(*settings.get(within, ("collect",))):
        inside = found()
        (other,) = together(found)
        assert found() == inside
    assert inside != outside
    assert other == outside == found()


def test_a_mode_ends_with_an_error(device: str) -> None:
    model = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5).eval())
    with pytest.raises(KeyError), mode(model, training=False):
        assert not model.training and not model[0].training
        with mode(model[1], training=True):
            assert [m.training for m in model.modules()] == [False, False, True]
        model.train()  # of the module itself, for others and for afterwards
        assert not model.training
        raise KeyError
    assert [m.training for m in model.modules()] == [True, True, True]
