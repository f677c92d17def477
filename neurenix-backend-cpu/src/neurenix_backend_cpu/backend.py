"""The backend: an engine of Phynexus, and the setting of this one that changes bits."""

from __future__ import annotations

import os
import platform

from neurenix.phynexus.backend import NativeBackend


class CpuBackend(NativeBackend):
    """Processors. What the kernels add up in vectors goes by the instruction set."""

    def bits_depend_on(self, index: int) -> dict[str, str]:
        off = os.environ.get("NEURENIX_CPU_WINOGRAD") == "0"
        return {
            **super().bits_depend_on(index),
            "machine": platform.machine(),
            "convolutions": "plain sums (NEURENIX_CPU_WINOGRAD=0)"
            if off
            else "Winograd's, where it pays",
        }
