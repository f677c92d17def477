"""Exports: functions captured as programs that leave Python; see `export`."""

from .artefact import EntryPoint, Exported, Exporter, Port
from .export import export

__all__ = ["EntryPoint", "Exported", "Exporter", "Port", "export"]
