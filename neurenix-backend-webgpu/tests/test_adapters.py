"""What is said where there is no adapter, or a weak one, or no wgpu."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import requires
from types import SimpleNamespace
from typing import Any

import pytest
import wgpu
from packaging.requirements import Requirement

from neurenix.backends import Absent, Discovery
from neurenix.errors import DeviceError
from neurenix_backend_webgpu import adapters, neurenix_backend


def fake(name: str, kind: str, interface: str = "Vulkan", **limits: int) -> Any:
    info = {
        "device": name,
        "backend_type": interface,
        "adapter_type": kind,
        "description": "driver 1.2",
    }
    return SimpleNamespace(info=info, limits={**adapters.NEEDED, **limits})


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    found: list[Any] = []
    monkeypatch.setattr(wgpu.gpu, "enumerate_adapters_sync", lambda: found)
    adapters.find_adapters.cache_clear()
    yield found
    adapters.find_adapters.cache_clear()


def test_gpus_come_first_and_once(listed: list[Any]) -> None:
    listed += [
        fake("soft", "CPU"),
        fake("small", "IntegratedGPU"),
        fake("large", "DiscreteGPU"),
        fake("large", "DiscreteGPU"),  # there are two of them
        fake("large", "DiscreteGPU", "D3D12"),
        fake("small", "IntegratedGPU", "OpenGL"),
    ]
    found = adapters.find_adapters()
    assert [a.name for a in found] == ["large", "large", "small", "soft"]
    assert [a.software for a in found] == [False, False, False, True]
    assert found[0].engine == f"wgpu {wgpu.__version__} Vulkan driver 1.2"
    assert adapters.only_software() == ""


def test_software_is_not_taken_unasked(listed: list[Any]) -> None:
    listed.append(fake("soft", "CPU"))
    assert "soft is software" in adapters.only_software()


@pytest.mark.parametrize(
    ("system", "remedies"),
    [
        ("Linux", ["apt-get install libvulkan1", "Fedora: dnf install"]),
        ("Darwin", ["Metal comes with macOS"]),
        ("Windows", ["Direct3D 12"]),
        ("Plan9", ["a driver for Vulkan"]),
    ],
)
def test_the_remedy_of_each_system(system: str, remedies: list[str]) -> None:
    text = adapters.no_adapter(system=system)
    assert text.startswith("no WebGPU adapter was found: ")
    for remedy in remedies:
        assert remedy in text


def test_without_an_adapter_the_type_is_absent(listed: list[Any]) -> None:
    state = Discovery().state("webgpu")
    assert isinstance(state, Absent)
    assert "no WebGPU adapter was found" in state.reason


def test_an_adapter_below_the_standard_is_named(listed: list[Any]) -> None:
    limit = "max-storage-buffers-per-shader-stage"
    listed.append(fake("weak", "Unknown", "Vulkan", **{limit: 4}))
    with pytest.raises(
        DeviceError, match="weak: max-storage-buffers-per-shader-stage is 4, below 8"
    ):
        adapters.find_adapters()


def test_without_wgpu_the_type_is_absent() -> None:
    """Not broken: exports work without it. The message says what to install."""
    code = (
        "import sys; sys.modules['wgpu'] = None\n"
        "from neurenix.backends import Discovery\n"
        "state = Discovery().state('webgpu')\n"
        "print(type(state).__name__, state.reason)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.startswith("Absent"), done
    assert "WebGPU needs the package wgpu" in done.stdout
    wanted = next(r for r in requires("neurenix-backend-webgpu") or [] if "wgpu" in r)
    (named,) = re.findall(r'pip install "(.*)"', done.stdout)
    assert Requirement(named).specifier == Requirement(wanted).specifier
    assert "Python 3.11" in done.stdout


def test_the_hook_loads_no_gpu_library() -> None:
    code = (
        "import sys, neurenix_backend_webgpu as b; b.neurenix_backend()\n"
        "from neurenix_backend_webgpu import lowering\n"
        "assert 'wgpu' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=120)


def test_it_comes_after_the_cpu() -> None:
    from neurenix_backend_cpu import neurenix_backend as cpu

    assert neurenix_backend().priority < cpu().priority
