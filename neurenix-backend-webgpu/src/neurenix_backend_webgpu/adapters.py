"""The adapters of this machine that can run kernels: GPUs first, software last."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cache

from neurenix.errors import DeviceError

try:
    import wgpu
except ModuleNotFoundError as error:
    raise DeviceError(  # absent, not broken: exports need no wgpu
        "WebGPU needs the package wgpu, for Python 3.11 or newer: "
        'pip install "wgpu>=0.32,<0.33"'
    ) from error

_ORDER = {"DiscreteGPU": 0, "IntegratedGPU": 1, "Unknown": 2, "CPU": 3}
_INTERFACES = ("Vulkan", "Metal", "D3D12")  # OpenGL lists the same GPUs once more

# What a kernel may count on, as the WebGPU standard has it; all kernels keep to it.
NEEDED = {
    "max-storage-buffer-binding-size": 128 << 20,
    "max-storage-buffers-per-shader-stage": 8,
    "max-compute-workgroup-storage-size": 16384,
    "max-compute-invocations-per-workgroup": 256,
    "max-compute-workgroups-per-dimension": 65535,
}

_REMEDIES = {
    "Linux": (
        "install a Vulkan driver. Debian and Ubuntu: apt-get install libvulkan1 "
        "mesa-vulkan-drivers (AMD, Intel, and a software adapter), for NVIDIA "
        "nvidia-driver; Fedora: dnf install vulkan-loader mesa-vulkan-drivers; "
        "`vulkaninfo --summary` lists what Vulkan finds"
    ),
    "Darwin": (
        "Metal comes with macOS 10.13 or newer: update the system; in a virtual "
        "machine there is no GPU, choose another device there"
    ),
    "Windows": (
        "install the GPU maker's driver (AMD, Intel, NVIDIA): it brings Direct3D 12 "
        "and Vulkan; over Remote Desktop or in a virtual machine there may be no GPU"
    ),
}


@dataclass(frozen=True)
class Adapter:
    """An adapter and what is said of it."""

    gpu: wgpu.GPUAdapter
    name: str
    interface: str
    driver: str
    software: bool

    @property
    def engine(self) -> str:
        parts = (f"wgpu {wgpu.__version__}", self.interface, self.driver)
        return " ".join(part for part in parts if part)


@cache
def find_adapters() -> tuple[Adapter, ...]:
    """Each GPU once, the fastest kinds first.

    Raises DeviceError where there is none, with what to install, and where none has
    the limits that WebGPU promises.
    """
    found: list[tuple[int, Adapter]] = []
    weak: list[str] = []
    for gpu in wgpu.gpu.enumerate_adapters_sync():
        info = gpu.info
        name, interface = str(info["device"]), str(info["backend_type"])
        if interface not in _INTERFACES:
            continue
        short = [k for k, least in NEEDED.items() if gpu.limits[k] < least]
        if short:
            least = NEEDED[short[0]]
            weak.append(f"{name}: {short[0]} is {gpu.limits[short[0]]}, below {least}")
            continue
        # Vulkan and Direct3D may list the same GPU: the first interface is taken
        if any(a.name == name and a.interface != interface for _, a in found):
            continue
        kind = str(info["adapter_type"])
        driver = str(info["description"])
        order = _ORDER.get(kind, _ORDER["Unknown"])
        found.append((order, Adapter(gpu, name, interface, driver, kind == "CPU")))
    if not found:
        raise DeviceError(no_adapter(weak))
    return tuple(a for _, a in sorted(found, key=lambda item: item[0]))


def no_adapter(weak: list[str] | None = None, system: str = platform.system()) -> str:
    """Why there is no device, and what to do on this system."""
    if weak:
        return (
            "no adapter has the limits that WebGPU promises "
            f"({'; '.join(weak)}): update its driver, or choose another device"
        )
    remedy = _REMEDIES.get(system, "install a driver for Vulkan")
    return f"no WebGPU adapter was found: {remedy}"


def only_software() -> str:
    """Why none of the adapters should be taken unasked; "" where one may."""
    adapters = find_adapters()
    if not all(a.software for a in adapters):
        return ""
    return f'{adapters[0].name} is software; nx.init({{"device": "webgpu"}}) takes it'
