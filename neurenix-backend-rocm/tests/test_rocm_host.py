"""The HIP side of the engine, over a fake runtime: each function fails in turn, and a
lost device, memory that runs out, several devices."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator

import numpy as np
import pytest
from device_for_a_while import device_for_a_while
from fake_library import ILLEGAL_ADDRESS, UNKNOWN, fake_runtime
from rocm_emulated import library, register

import neurenix as nx
from neurenix.backends import discovery
from neurenix.errors import BackendError, NeurenixError, OutOfMemoryError
from neurenix.phynexus import NativeBackend
from neurenix.primitives.primitive import TensorType

DEVICE = register()


@pytest.fixture
def runtime() -> Iterator[ctypes.CDLL]:
    with fake_runtime() as library, device_for_a_while(DEVICE):
        yield library


def work(seed: int) -> None:
    """Copies both ways, memory, a graph that is new, and its replay."""
    size = 64 + seed  # a shape of its own: the plan is made anew
    values = np.arange(size, dtype=np.float32)
    # products are not fused with each other: launches enough for a graph
    step = nx.compile(lambda x: (x @ x.T) @ ((x @ x.T) @ x))
    x = np.stack([values, values]) / size
    for _ in range(2):
        found = step(nx.tensor(x)).numpy()
        np.testing.assert_allclose(found, (x @ x.T) @ ((x @ x.T) @ x), rtol=1e-4)
    discovery.backend(DEVICE).synchronize(0)


def lose(runtime: ctypes.CDLL) -> None:
    """A fault in a kernel: all that was made on the device is gone."""
    runtime.phynexus_fake_fault(1, ILLEGAL_ADDRESS)
    with pytest.raises(BackendError, match="was lost"):
        work(0)


# What is given back, whose answer nobody reads, and what is asked once in a process.
UNHEARD = {
    *("hipStreamDestroy", "hipEventDestroy", "hipFree", "hipHostFree"),
    *("hipGraphExecDestroy", "hipGraphDestroy", "hipModuleUnload"),
    "hipSetDevice",  # a thread has its former device back
}
ONCE = {
    *("hipInit", "hipRuntimeGetVersion", "hipGetDeviceCount", "hipDeviceGetName"),
    *("hipDeviceGetAttribute", "hipDeviceTotalMem"),
}
# For profiles, and where memory runs out.
ELSEWHERE = {"hipEventElapsedTime", "hipMemGetInfo", "hipEventQuery"}


@pytest.mark.parametrize("name", fake_runtime.functions())
@pytest.mark.parametrize("code", [UNKNOWN, ILLEGAL_ADDRESS])
def test_each_function_fails_by_name_and_work_goes_on(
    runtime: ctypes.CDLL, name: str, code: int
) -> None:
    function = name.encode()
    for nth in (1, 2):
        lose(runtime)
        before = runtime.phynexus_fake_calls(function)
        runtime.phynexus_fake_fail(function, nth, code)
        heard = False
        try:
            nx.init({"device": DEVICE})
            work(nth)
        except NeurenixError as error:
            heard = True
            said = (name, "lost")
            assert any(text in str(error) for text in said), error
        made = runtime.phynexus_fake_calls(function) - before
        assert made or name in UNHEARD | ONCE | ELSEWHERE
        if made >= nth:
            assert heard or name in UNHEARD, f"call {nth} of {made}: nobody heard"
        runtime.phynexus_fake_fail(function, 0, 0)
        nx.init({"device": DEVICE})
        work(100 + nth)


def test_a_lost_device_is_said_with_its_line_and_opened_again(
    runtime: ctypes.CDLL,
) -> None:
    old = nx.arange(5.0)
    square = nx.compile(lambda x: x * x + 1)
    assert square(old).tolist() == [1, 2, 5, 10, 17]
    # the step's own kernel comes first
    runtime.phynexus_fake_fault(2, ILLEGAL_ADDRESS)
    with pytest.raises(BackendError) as caught:
        square(old).numpy()
    message = str(caught.value)
    assert "was lost" in message and "hipErrorIllegalAddress" in message
    assert re.search(r"\(fused mul \+ add, test_rocm_host\.py:\d+\)", message), message
    with pytest.raises(NeurenixError, match="gone"):
        square(old)
    nx.init({"device": DEVICE})
    assert square(nx.arange(3.0)).tolist() == [1, 2, 5]


def test_two_engines_of_a_device_that_one_finds_lost(runtime: ctypes.CDLL) -> None:
    other = NativeBackend(library())
    kept = other.upload(np.ones(3, np.float32), TensorType((3,), nx.float32), 0)
    lose(runtime)
    nx.init({"device": DEVICE})
    work(1)
    # what the other one made on the device went with the first one's
    with pytest.raises(BackendError, match="another engine of this process"):
        other.synchronize(0)
    # and it opens again what is open already, without a reset
    mine = nx.arange(3.0)
    other.synchronize(0)
    with pytest.raises(NeurenixError, match="gone"):
        other.download(kept, TensorType((3,), nx.float32))
    assert (mine + 1).tolist() == [1, 2, 3]


@pytest.mark.parametrize("code", [400, ILLEGAL_ADDRESS, UNKNOWN])
def test_a_device_that_others_broke_is_reset_and_opened(
    runtime: ctypes.CDLL, code: int
) -> None:
    work(1)
    runtime.phynexus_fake_set(b"broken", code)
    three = TensorType((3,), nx.float32)
    other = NativeBackend(library())
    kept = other.upload(np.ones(3, np.float32), three, 0)
    assert other.download(kept, three).tolist() == [1, 1, 1]
    with pytest.raises(BackendError, match="another engine of this process"):
        work(2)
    work(3)


GIVEN_BACK = (
    *(b"hipStreamDestroy", b"hipEventDestroy", b"hipModuleUnload"),
    *(b"hipGraphExecDestroy", b"hipFree", b"hipHostFree"),
)


@pytest.mark.parametrize("code", [201, 709])
def test_what_went_with_anothers_reset_is_not_given_back(
    runtime: ctypes.CDLL, code: int
) -> None:
    work(1)
    before = [runtime.phynexus_fake_calls(name) for name in GIVEN_BACK]
    runtime.phynexus_fake_set(b"broken", code)
    with pytest.raises(BackendError, match=rf"was lost: .*\({code}\)"):
        nx.tensor(np.ones(3, np.float32)).numpy()
    assert [runtime.phynexus_fake_calls(name) for name in GIVEN_BACK] == before
    nx.init({"device": DEVICE})
    work(2)


def test_a_count_that_fails_says_so(runtime: ctypes.CDLL) -> None:
    runtime.phynexus_fake_fail(b"hipGetDeviceCount", 1, UNKNOWN)
    with pytest.raises(BackendError, match=r"hipGetDeviceCount failed: .*\(999\)"):
        nx.init({"device": DEVICE})
    runtime.phynexus_fake_set(b"devices", 0)
    with pytest.raises(NeurenixError, match=f"no device {DEVICE}:0; .* has none any"):
        nx.init({"device": DEVICE})


def test_memory_that_runs_out_is_said_and_work_goes_on(runtime: ctypes.CDLL) -> None:
    kept = nx.ones((1 << 20,))
    told = (
        r"no memory for 4294967296 bytes: of its \d+ bytes \d+ are free, and 4194304 "
        r"are in use here; .*nx\.memory_stats"
    )
    with pytest.raises(OutOfMemoryError, match=told):
        nx.zeros((1 << 30,))
    used = nx.memory_stats()
    assert used["allocated"] == 4 << 20 <= used["peak"]
    with pytest.raises(OutOfMemoryError, match=r"program needs \d+ .* are in use here"):
        nx.compile(lambda x: nx.sort(x.reshape(-1, 1) * x)[0].sum())(kept[: 1 << 15])
    assert (kept + 1).numpy().sum() == 2 << 20


def test_two_devices_and_one_that_is_not_there(runtime: ctypes.CDLL) -> None:
    runtime.phynexus_fake_set(b"devices", 2)
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


def test_a_second_order_step_is_the_cpus(runtime: ctypes.CDLL) -> None:
    def loss(w: nx.Tensor, x: nx.Tensor) -> nx.Tensor:
        inner = nx.grad(lambda v: nx.tanh(x @ v).square().mean())
        return nx.tanh(x @ (w - 0.1 * inner(w))).square().mean()

    w = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
    xs = np.linspace(-2, 2, 60, dtype=np.float32).reshape(3, 5, 4)
    found = []
    for device in (DEVICE, "cpu"):
        nx.init({"device": device})
        mapped = nx.compile(
            nx.grad(lambda w, xs: nx.map(lambda x: loss(w, x))(xs).mean())
        )
        found.append(mapped(nx.tensor(w), nx.tensor(xs)).numpy())
    np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-7)
