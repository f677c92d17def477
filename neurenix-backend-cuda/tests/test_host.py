"""The engine's host side as a user meets it, on the emulated device: lost devices,
memory that runs out, two devices, several steps in one call, flat memory, forks."""

from __future__ import annotations

import ctypes
import multiprocessing
import re
from collections.abc import Iterator

import numpy as np
import pytest
from cuda_emulated import register
from device_for_a_while import device_for_a_while
from fake_library import ILLEGAL_ADDRESS, fake_driver

import neurenix as nx
from neurenix.backends import discovery
from neurenix.errors import BackendError, NeurenixError, OutOfMemoryError

DEVICE = register()


@pytest.fixture
def driver() -> Iterator[ctypes.CDLL]:
    with fake_driver() as library, device_for_a_while(DEVICE):
        yield library


def test_a_lost_device_is_said_with_its_line_and_opened_again(
    driver: ctypes.CDLL,
) -> None:
    old = nx.arange(5.0)
    square = nx.compile(lambda x: x * x + 1)
    assert square(old).tolist() == [1, 2, 5, 10, 17]
    # the step's own kernel comes first
    driver.phynexus_fake_fault(2, ILLEGAL_ADDRESS)
    with pytest.raises(BackendError) as caught:
        square(old).numpy()
    message = str(caught.value)
    assert "Emulated GPU 0 was lost" in message and "ILLEGAL_ADDRESS" in message
    assert re.search(
        r"instruction 0 \(fused mul \+ add, test_host\.py:\d+\)", message
    ), message
    with pytest.raises(NeurenixError, match="gone"):
        square(old)
    nx.init({"device": DEVICE})
    assert square(nx.arange(3.0)).tolist() == [1, 2, 5]


def test_debug_mode_says_at_once_what_failed(
    driver: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURENIX_DEBUG", "1")
    x = nx.arange(5.0)
    chain = nx.compile(lambda x: (x @ x) * x + 1)
    assert chain(x)[1].item() == 31
    driver.phynexus_fake_fault(2, ILLEGAL_ADDRESS)
    said = r"was lost.*\(dot_general, test_host\.py:\d+\)"
    with pytest.raises(BackendError, match=said):
        chain(x)  # nothing is read, and nothing waited for
    nx.init({"device": DEVICE})


def test_waiting_for_the_device_says_what_failed(driver: ctypes.CDLL) -> None:
    x = nx.arange(5.0)
    square = nx.compile(lambda x: x * x + 1)
    nx.synchronize()
    driver.phynexus_fake_fault(2, ILLEGAL_ADDRESS)
    with pytest.raises(BackendError, match=r"was lost.*fused mul \+ add, test_host"):
        square(x)  # its values are not read
        nx.synchronize()
    nx.init({"device": DEVICE})
    nx.synchronize()


def test_an_operation_without_a_line_is_named_without(driver: ctypes.CDLL) -> None:
    x = nx.arange(3.0)
    driver.phynexus_fake_fault(2, ILLEGAL_ADDRESS)
    with pytest.raises(BackendError, match=r"in instruction 0 \(fused exp\); what"):
        nx.exp(x).numpy()


def test_a_device_that_stays_lost_says_why_each_time(driver: ctypes.CDLL) -> None:
    x = nx.arange(3.0)
    driver.phynexus_fake_set(b"gone", 1)
    driver.phynexus_fake_fault(1, ILLEGAL_ADDRESS)
    with pytest.raises(BackendError, match="was lost"):
        (x + 1).numpy()
    for _ in range(2):
        with pytest.raises(BackendError, match=r"does not open again: cuDevice"):
            nx.init({"device": DEVICE})
    driver.phynexus_fake_set(b"gone", 0)
    nx.init({"device": DEVICE})
    assert (nx.arange(3.0) + 1).tolist() == [1, 2, 3]


def test_memory_that_runs_out_is_said_and_work_goes_on(driver: ctypes.CDLL) -> None:
    kept = nx.ones((1 << 20,))
    told = (
        r"no memory for 4294967296 bytes: of its \d+ bytes \d+ are free, and (\d+) "
        r"are in use here; .*nx\.memory_stats"
    )
    with pytest.raises(OutOfMemoryError, match=told) as caught:
        nx.zeros((1 << 30,))
    found = re.search(told, str(caught.value))
    del caught
    # the programs that were kept of other tests have a little of it
    assert found and 4 << 20 <= int(found[1]) < 5 << 20
    used = nx.memory_stats()
    assert used["allocated"] == 4 << 20 <= used["peak"]
    with pytest.raises(OutOfMemoryError, match=r"program needs \d+ .* are in use here"):
        nx.compile(lambda x: nx.sort(x.reshape(-1, 1) * x)[0].sum())(kept[: 1 << 15])
    # another process may have taken what the device has: the driver knows, we do not
    driver.phynexus_fake_fail(b"cuMemAlloc_v2", 1, 2)
    assert nx.zeros((1 << 24,)).numpy().sum() == 0
    assert (kept + 1).numpy().sum() == 2 << 20


def test_two_devices(driver: ctypes.CDLL) -> None:
    driver.phynexus_fake_set(b"devices", 2)
    nx.init({"device": f"{DEVICE}:1"})
    second = nx.arange(3.0)
    nx.init({"device": f"{DEVICE}:0"})
    first = nx.arange(3.0)
    with pytest.raises(NeurenixError, match=rf"{DEVICE}:0.*{DEVICE}:1") as caught:
        first + second
    del caught
    assert (first + second.to(f"{DEVICE}:0")).tolist() == [0, 2, 4]
    with pytest.raises(NeurenixError, match=rf"no device {DEVICE}:7.*has 2"):
        nx.init({"device": f"{DEVICE}:7"})


def train(steps: int, at_once: bool) -> list[np.ndarray]:
    """A guarded step whose third last batch would make its state infinite."""
    w = nx.nn.Parameter(nx.ones((4,)))

    def step(x: nx.Tensor) -> nx.Tensor:
        loss, gradient = nx.value_and_grad(lambda w: ((w * x) ** 2).sum())(w.value())
        w.assign(w - 0.01 * gradient)
        return loss

    compiled = nx.compile(step, state=[w], guard=True)
    x = np.arange(steps * 4, dtype=np.float32).reshape(steps, 4) / steps
    x[-3] = np.inf
    if at_once:
        losses, ok = compiled.run_steps(nx.tensor(x))
        return [losses.numpy(), ok.numpy(), w.numpy()]
    each = []
    for row in x:
        each.append([t.numpy() for t in compiled(nx.tensor(row))])
        if not each[-1][1]:
            break
    losses, oks = (np.stack(column) for column in zip(*each, strict=True))
    return [losses, oks, w.numpy()]


def test_several_steps_in_one_call_are_the_same_steps(driver: ctypes.CDLL) -> None:
    for one, several in zip(train(70, False), train(70, True), strict=True):
        np.testing.assert_array_equal(one, several)
    assert np.isfinite(train(9, True)[2]).all()


def test_memory_stays_flat(driver: ctypes.CDLL) -> None:
    backend = discovery.backend(DEVICE)
    w = nx.nn.Parameter(nx.ones((1000,)))

    def step(x: nx.Tensor) -> nx.Tensor:
        w.assign(w * 0.999 + x.sum() * 1e-3)
        return (w * x).sum()

    compiled = nx.compile(step, state=[w])
    stats = []
    for _ in range(3):
        for k in range(100):
            compiled(nx.full((1000,), float(k)))
        stats.append(backend.memory_stats(0))
    assert stats[1] == stats[2]


def _in_a_child(queue: multiprocessing.Queue) -> None:
    try:
        nx.ones((3,)).numpy()
        queue.put("it worked")
    except BackendError as error:
        queue.put(str(error))


def test_a_forked_process_is_told(driver: ctypes.CDLL) -> None:
    nx.ones((3,)).numpy()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_a_child, args=(queue,))
    child.start()
    assert "'spawn'" in queue.get(timeout=60)
    child.join(60)
    assert child.exitcode == 0
    assert nx.ones((3,)).tolist() == [1, 1, 1]
