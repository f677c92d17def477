"""The files by which a process reaches AMD cards, and who may use them.

Without them the runtime only says that there is no device."""

from __future__ import annotations

import os
from pathlib import Path

from neurenix.errors import BackendError, DeviceError

_AMD = "0x1002"  # the vendor's number on the PCI bus


def check_device_files(devices: Path, classes: Path) -> None:
    """Raises DeviceError where the kernel has no driver for AMD's cards, BackendError
    where this user may not use them: with the group that may."""
    compute = devices / "kfd"
    if (devices / "dxg").exists() and not compute.exists():
        return  # WSL2, where Windows has the cards
    if not compute.exists():
        raise DeviceError(
            f"no AMD GPU: {compute} is not there, so that the kernel has found none or "
            "its driver amdgpu is not loaded; in a container, pass --device=/dev/kfd "
            "--device=/dev/dri"
        )
    nodes = sorted((devices / "dri").glob("renderD*"))
    for file in (compute, *(n for n in nodes if _vendor(classes / n.name) != "other")):
        if not os.access(file, os.R_OK | os.W_OK):
            raise BackendError(
                f"no permission to use {file}, which the group {_group(file)} may: "
                f"`sudo usermod -a -G {_group(file)} $USER`, then log in again"
            )


def sign_of_card(classes: Path) -> Path | None:
    """The render node that the kernel has for an AMD card, in /sys/class/drm; None
    where there is none."""
    for node in sorted(classes.glob("renderD*")):
        if _vendor(node) == "AMD":
            return node
    return None


def _vendor(node: Path) -> str:
    """Of a render node of /sys/class/drm: "AMD", "other", or "" where nothing says."""
    file = node / "device/vendor"
    if not file.exists():
        return ""
    return "AMD" if file.read_text().strip() == _AMD else "other"


def _group(file: Path) -> str:
    """The group's name; in a container it may have a number only."""
    try:
        return file.group()
    except KeyError:
        return str(file.stat().st_gid)
