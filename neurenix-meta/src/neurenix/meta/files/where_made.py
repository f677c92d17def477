"""The device that a run was made on, and the choices its bits may depend on."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import neurenix as nx
from neurenix.backends import discovery
from neurenix.passes.pipeline import fusing

# What the bits of a result may depend on; how many threads there are, and how many
# tasks are taken at once, is not among it.
DECIDES = ("device", "name", "instruction_set", "backend", "fusion")


def made_on() -> dict[str, object]:
    """The current device, as a checkpoint has it.

    >>> sorted(made_on())
    ['backend', 'device', 'fusion', 'instruction_set', 'name', 'threads']
    """
    device = nx.current_device()
    has = discovery.backend(device.type).capabilities(device.index)
    distribution, version = discovery.origin(device.type)
    return {
        "device": str(device.type),
        "name": has.name,
        "instruction_set": has.instruction_set,
        "backend": f"{distribution} {version}".strip(),
        "fusion": fusing(),
        "threads": has.threads,
    }


def warn_of_other(path: Path, saved: Mapping[str, object]) -> None:
    """Warns where a run goes on with a device or choice that may give other bits."""
    now = made_on()
    changed = [
        f"{name}: {saved[name]} then, {now[name]} now"
        for name in DECIDES
        if name in saved and saved[name] != now[name]
    ]
    if changed:
        warnings.warn(
            f"{path} was made otherwise ({'; '.join(changed)}): the run goes on, but "
            "its results may differ in the last bits from those of one that never "
            "stopped",
            RuntimeWarning,
            stacklevel=9,  # the line that calls meta_learn
        )
