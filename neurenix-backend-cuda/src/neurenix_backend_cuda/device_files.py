"""What of a machine says that it has an NVIDIA card, whatever the driver says.

Without the driver's library, as in a container that is not given it, training would
else go on on the CPU without a word."""

from __future__ import annotations

from pathlib import Path


def sign_of_card(root: Path) -> Path | None:
    """A file that the kernel's module makes for a card; None where there is none."""
    for folder, name in (("dev", "nvidia[0-9]*"), ("proc/driver/nvidia/gpus", "*")):
        for file in sorted((root / folder).glob(name)):
            return file
    return None
