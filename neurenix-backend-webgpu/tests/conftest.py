"""The fixture of a WebGPU device; without an adapter its tests are skipped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from web_needs import absent

import neurenix as nx
from neurenix.backends import Available, discovery
from neurenix_backend_webgpu.backend import WebGPUBackend
from neurenix_backend_webgpu.device import Device


@pytest.fixture
def webgpu() -> Iterator[WebGPUBackend]:
    """The backend, its first device the current one."""
    state = discovery.state("webgpu")
    if not isinstance(state, Available):
        absent(f"there is no WebGPU device: {state.reason}")
    nx.init({"device": "webgpu"})
    backend = discovery.backend("webgpu")
    assert isinstance(backend, WebGPUBackend)
    yield backend
    nx.init({"device": "reference"})


@pytest.fixture
def device(webgpu: WebGPUBackend) -> Device:
    return webgpu.device(0)


@pytest.fixture
def small_pages(
    webgpu: WebGPUBackend, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Device]:
    """A device whose pages are 1 MiB, as if it could bind no more."""
    monkeypatch.setattr("neurenix_backend_webgpu.device.LARGEST_PAGE", 1 << 20)
    webgpu.devices.clear()
    yield webgpu.device(0)
    webgpu.devices.clear()
