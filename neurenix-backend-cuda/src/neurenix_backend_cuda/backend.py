"""The backend: an engine of Phynexus, and the library beside it that changes bits."""

from __future__ import annotations

import re

from neurenix.phynexus.backend import NativeBackend

_BY = "large products on tensor cores by "  # as gpu/run/found_library.h has it


class CudaBackend(NativeBackend):
    """NVIDIA's GPUs. Large products of a rounded precision are cuBLAS's where that is
    found."""

    def bits_depend_on(self, index: int) -> dict[str, str]:
        told = [note for note in self.notes(index) if note.startswith(_BY)]
        # without where it lies, or why there is none
        by = (re.split(r" \(|:", note.removeprefix(_BY))[0] for note in told)
        return {**super().bits_depend_on(index), "large products": ", ".join(by)}
