"""Which exporter writes a target: by entry point, imported when it is asked for."""

from __future__ import annotations

from typing import Any

from ..errors import ExportError, InvalidArgumentError, MissingPackageError
from ..installing import how_to_install
from .artefact import Exporter

GROUP = "neurenix.exporters"
_REMEDIES = {
    "onnx": how_to_install("neurenix-core", "onnx"),
    "web": "pip install ./neurenix-backend-webgpu in a clone of Neurenix",
}


def installed() -> dict[str, list[Any]]:
    """The entry points of exporters by target; imports none of them."""
    import importlib_metadata  # slow to import, and not needed before

    found: dict[str, list[Any]] = {}
    for entry in importlib_metadata.entry_points(group=GROUP):
        found.setdefault(entry.name, []).append(entry)
    return found


def exporter_of(target: str) -> Exporter:
    """The exporter of a target.

    Raises InvalidArgumentError for a target that nobody writes, with those that there
    are; ExportError where two distributions claim it; MissingPackageError where what it
    needs is not installed.
    """
    entries = installed()
    if target not in entries:
        have = ", ".join(map(repr, sorted(entries))) or "none"
        more = [
            f"for {name!r}: {remedy}"
            for name, remedy in _REMEDIES.items()
            if name not in entries
        ]
        remedy = f" ({'; '.join(more)})" if more else ""
        raise InvalidArgumentError(
            f"export: there is no target {target!r}; installed are {have}{remedy}"
        )
    if len(entries[target]) > 1:
        both = " and ".join(sorted(e.dist.name for e in entries[target]))
        raise ExportError(
            f"export: the distributions {both} both write the target {target!r}; "
            "uninstall one"
        )
    try:
        exporter: Exporter = entries[target][0].load()
    except ImportError as error:
        remedy = _REMEDIES.get(target, f"reinstall {entries[target][0].dist.name}")
        raise MissingPackageError(
            f"export: the target {target!r} needs the package "
            f"{error.name or error}: {remedy}"
        ) from error
    return exporter
