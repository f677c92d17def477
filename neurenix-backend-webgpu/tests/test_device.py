"""A device as its users meet it: dtypes, pipelines, several steps, profiles, a loss."""

from __future__ import annotations

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import BackendError, DeviceError, DtypeError
from neurenix_backend_webgpu import steps
from neurenix_backend_webgpu.backend import WebGPUBackend
from neurenix_backend_webgpu.device import Device


def test_its_name_and_index(webgpu: WebGPUBackend) -> None:
    assert str(nx.ones(2).device) == "webgpu:0"
    nx.init({"device": "webgpu:0"})
    count = webgpu.device_count()
    with pytest.raises(DeviceError, match=f"there is no device webgpu:{count}"):
        nx.init({"device": f"webgpu:{count}"})


@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_wide_dtypes_are_absent(webgpu: WebGPUBackend, dtype: str) -> None:
    message = rf"webgpu:0 has no {dtype} \(it has .*float32.*cpu.* has it: move there"
    with pytest.raises(DtypeError, match=message):
        nx.ones(3, dtype=dtype)
    with pytest.raises(DtypeError, match=message):
        nx.ones(3).astype(dtype)


def test_twenty_shapes_make_one_pipeline(device: Device) -> None:
    _ = (nx.ones(3, 5) + nx.ones(3, 5)).numpy()
    before = device.pipelines.made
    for n in range(1, 21):
        x = np.random.default_rng(n).normal(size=(n, 7)).astype(np.float32)
        np.testing.assert_array_equal((nx.tensor(x) + nx.tensor(x)).numpy(), x + x)
    assert device.pipelines.made - before <= 1


def training() -> tuple[nx.Tensor, list[np.ndarray]]:
    nx.manual_seed(3)
    net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
    optimizer = optim.Adam(net.parameters(), lr=0.05)

    def step(x: nx.Tensor, y: nx.Tensor) -> nx.Tensor:
        loss = ((net(x) - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    compiled = nx.compile(step, state=[net, optimizer])
    rng = np.random.default_rng(0)
    x = nx.tensor(rng.normal(size=(20, 16, 3)).astype(np.float32))
    losses = compiled.run_steps(x, x.sum(-1, keepdim=True))
    return losses, [p.numpy() for p in net.parameters()]


def test_the_same_bits_twice(webgpu: WebGPUBackend) -> None:
    (a, first), (b, second) = training(), training()
    np.testing.assert_array_equal(a.numpy(), b.numpy())
    for p, q in zip(first, second, strict=True):
        np.testing.assert_array_equal(p, q)
    assert a[-1].item() < a[0].item()


@pytest.mark.parametrize("together", [1, 7, 16])
def test_steps_in_groups_have_the_same_bits(
    webgpu: WebGPUBackend, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    whole, _ = training()
    monkeypatch.setattr(steps.WebGPUSteps, "_together", lambda self: together)
    losses, _ = training()
    np.testing.assert_array_equal(losses.numpy(), whole.numpy())


@pytest.mark.parametrize("together", [1, 5, 16])
def test_a_bad_step_ends_them_and_keeps_the_last_good_state(
    webgpu: WebGPUBackend, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(steps.WebGPUSteps, "_together", lambda self: together)
    weight = nn.Parameter(np.ones(4, np.float32))
    optimizer = optim.SGD([weight], lr=0.5)

    def step(x: nx.Tensor) -> nx.Tensor:
        loss = (weight * x).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    compiled = nx.compile(step, state=[optimizer], guard=True)
    x = np.ones((12, 4), np.float32)
    x[7] = np.nan
    losses, ok = compiled.run_steps(nx.tensor(x))
    assert ok.tolist() == [True] * 7 + [False] and losses.shape == (8,)
    np.testing.assert_array_equal(weight.numpy(), np.full(4, 1 - 7 * 0.5, np.float32))


def test_a_profile_by_the_gpus_clock(webgpu: WebGPUBackend) -> None:
    if not webgpu.takes_profiles:
        pytest.skip("the adapter has no timestamps")
    f = nx.compile(lambda x: nx.tanh(x @ x).sum())
    x = nx.ones(8, 8)
    f(x)
    with nx.profile() as p:
        for _ in range(3):
            f(x)
    rows = [r for r in p.rows if r["primitive"] == "dot_general"]
    assert [(r["count"], r["outputs"]) for r in rows] == [(3, [[8, 8]])]
    assert all(r["milliseconds"] >= 0 and r["device"] == "webgpu" for r in p.rows)


def test_a_lost_device_says_so_once_and_the_next_use_works(
    webgpu: WebGPUBackend,
) -> None:
    f = nx.compile(lambda x: nx.exp(x) + 1.0)
    x = nx.ones(5)
    expected = f(x).numpy()
    nx.manual_seed(2)
    drawn = nx.rand(3).numpy(), nx.rand(3).numpy()
    nx.manual_seed(2)
    np.testing.assert_array_equal(nx.rand(3).numpy(), drawn[0])
    webgpu.device(0).gpu.destroy()
    with pytest.raises(
        BackendError, match=r"the device was lost .* next use opens the device"
    ):
        f(x)
    np.testing.assert_array_equal(f(nx.ones(5)).numpy(), expected)
    with pytest.raises(BackendError, match="lay on the device when it was lost"):
        f(x)
    with pytest.raises(BackendError, match="lay on the device when it was lost"):
        x.numpy()
    np.testing.assert_array_equal(nx.rand(3).numpy(), drawn[1])  # the stream goes on


def test_a_kernel_that_does_not_compile_names_the_line(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "neurenix_backend_webgpu.pipelines.module_text",
        lambda text, *rest: "this is no WGSL",
    )
    with pytest.raises(
        BackendError, match=r"compiling a kernel for test_device\.py:\d+: WebGPU says"
    ):
        nx.compile(lambda x: nx.cos(x * 3.25) - 7.5)(nx.ones(3))
