"""Random streams after their device was lost: they go on where they were."""

from __future__ import annotations

import copy
import ctypes
import pickle
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from cuda_emulated import register
from device_for_a_while import device_for_a_while
from fake_library import ILLEGAL_ADDRESS, fake_driver

import neurenix as nx
from neurenix.errors import BackendError, InvalidArgumentError

DEVICE = register()


@pytest.fixture
def driver() -> Iterator[ctypes.CDLL]:
    with fake_driver() as library, device_for_a_while(DEVICE):
        yield library


def lose(driver: ctypes.CDLL) -> None:
    x = nx.arange(3.0)
    driver.phynexus_fake_fault(1, ILLEGAL_ADDRESS)
    with pytest.raises(BackendError, match="was lost"):
        (x + 1).numpy()


def again() -> None:
    nx.init({"device": DEVICE})


def elsewhere() -> None:
    nx.init({"device": "cpu"})


def nothing() -> None:
    """The next use opens the device by itself."""


@pytest.mark.parametrize("go_on", [again, elsewhere, nothing])
def test_the_default_generator_goes_on(
    driver: ctypes.CDLL, go_on: Callable[[], None]
) -> None:
    nx.manual_seed(4)
    whole = [nx.rand(3).numpy() for _ in range(4)]
    nx.manual_seed(4)
    before = [nx.rand(3).numpy() for _ in range(2)]
    lose(driver)
    go_on()
    after = [nx.rand(3).numpy() for _ in range(2)]
    np.testing.assert_array_equal(before + after, whole)
    assert nx.random.state_dict()["step"] == 4


def test_a_device_that_stays_lost_holds_nobody_up(driver: ctypes.CDLL) -> None:
    nx.manual_seed(4)
    whole = [nx.rand(3).numpy() for _ in range(2)]
    nx.manual_seed(4)
    first = nx.rand(3).numpy()
    driver.phynexus_fake_set(b"gone", 1)
    lose(driver)
    with pytest.raises(BackendError, match="does not open again"):
        nx.rand(3)
    nx.init({"device": "cpu"})
    np.testing.assert_array_equal([first, nx.rand(3).numpy()], whole)
    nx.manual_seed(4)
    np.testing.assert_array_equal(nx.rand(3).numpy(), first)


def drawing(
    generator: nx.Generator, guard: bool
) -> tuple[Callable[[nx.Tensor], object], Callable[[nx.Tensor], object]]:
    """A compiled step that draws, and several of them in a call."""
    total = nx.Cell(nx.zeros((3,)))

    def step(x: nx.Tensor) -> nx.Tensor:
        total.assign(total + x * nx.uniform((3,), generator=generator))
        return total.sum()

    compiled = nx.compile(step, state=[total, generator], guard=guard)
    return compiled, compiled.run_steps


@pytest.mark.parametrize("guard", [False, True])
def test_steps_on_the_device_are_counted_on_the_host(
    driver: ctypes.CDLL, guard: bool
) -> None:
    generator = nx.Generator(7)
    one, several = drawing(generator, guard)
    one(nx.ones((3,)))
    several(nx.ones((5, 3)))
    one(nx.ones((3,)))
    assert generator.step.asked == 7
    lose(driver)
    nx.init({"device": DEVICE})
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert generator.state_dict() == {"seed": 7, "step": 7}
    # a guarded step may have failed, unseen
    assert [("goes on from there" in str(w.message)) for w in said] == [True] * guard
    other = nx.Generator(7)
    other.load_state_dict({"seed": 7, "step": 7})
    drawn, expected = (nx.rand(3, generator=g).numpy() for g in (generator, other))
    np.testing.assert_array_equal(drawn, expected)


def test_refused_steps_do_not_count_while_the_device_lives(driver: ctypes.CDLL) -> None:
    generator = nx.Generator(7)
    _, several = drawing(generator, True)
    x = np.ones((6, 3), np.float32)
    x[2] = np.inf
    several(nx.tensor(x))
    assert generator.state_dict()["step"] == 2
    assert generator.step.asked == 2


def test_a_program_that_was_made_before_goes_on(driver: ctypes.CDLL) -> None:
    generator = nx.Generator(3)
    draw = nx.compile(lambda: nx.uniform((3,), generator=generator), state=[generator])
    whole = [draw().numpy() for _ in range(4)]
    generator.manual_seed(3)
    first = [draw().numpy() for _ in range(2)]
    lose(driver)
    np.testing.assert_array_equal([*first, draw().numpy(), draw().numpy()], whole)


def test_copies_of_a_lost_generator_go_on_too(driver: ctypes.CDLL) -> None:
    generator = nx.Generator(5)
    nx.rand(2, generator=generator)
    kept = copy.deepcopy(generator)
    lose(driver)
    nx.init({"device": DEVICE})
    packed = pickle.loads(pickle.dumps(generator))
    drawn = [nx.rand(2, generator=g).numpy() for g in (generator, kept, packed)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    np.testing.assert_array_equal(drawn[0], drawn[2])


def test_what_was_made_on_the_device_is_named_as_gone(driver: ctypes.CDLL) -> None:
    x = nx.ones((3,))
    lose(driver)
    with pytest.raises(InvalidArgumentError, match=r"gone: make it again"):
        _ = x + 1
    assert (nx.ones((3,)) + 1).tolist() == [2, 2, 2]  # 1 is kept on the device
