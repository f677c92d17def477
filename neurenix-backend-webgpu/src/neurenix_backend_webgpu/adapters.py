"""The adapters of this machine that can run kernels: GPUs first, software last."""

from __future__ import annotations

from dataclasses import dataclass

import wgpu

_ORDER = {"DiscreteGPU": 0, "IntegratedGPU": 1, "Unknown": 2, "CPU": 3}
_INTERFACES = ("Vulkan", "Metal", "D3D12")  # OpenGL lists the same GPUs once more


@dataclass(frozen=True)
class Adapter:
    gpu: wgpu.GPUAdapter
    name: str
    software: bool


def find_adapters() -> list[Adapter]:
    """Each GPU once."""
    found: dict[str, tuple[int, Adapter]] = {}
    for gpu in wgpu.gpu.enumerate_adapters_sync():
        info = gpu.info
        if info["backend_type"] not in _INTERFACES:
            continue
        name = str(info["device"])
        kind = str(info["adapter_type"])
        adapter = Adapter(gpu, name, kind == "CPU")
        found.setdefault(name, (_ORDER.get(kind, 2), adapter))
    return [a for _, a in sorted(found.values(), key=lambda item: item[0])]
