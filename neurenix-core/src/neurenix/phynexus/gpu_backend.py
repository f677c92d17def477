"""A backend over the engine for GPUs: a vendor's library beside it may change bits."""

from __future__ import annotations

import re

from .backend import NativeBackend

_BY = "large products of rounded precision by "  # as gpu/run/found_library.h has it


class GpuBackend(NativeBackend):
    """Large products of a rounded precision are the vendor's library's, where it is
    found."""

    def bits_depend_on(self, index: int) -> dict[str, str]:
        found = super().bits_depend_on(index)
        for note in self.notes(index):
            if note.startswith(_BY):
                # without where it lies, or why there is none
                by = re.split(r" \(|:", note.removeprefix(_BY))[0]
                found["large products"] = by
        return found
