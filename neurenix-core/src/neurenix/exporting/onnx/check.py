"""Runs a model by onnxruntime on the example inputs, against the device here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime

from ...errors import ExportError
from ..artefact import EntryPoint

Array = np.ndarray[Any, Any]
TOLERANCE = 1e-5


def run(model: bytes, inputs: Mapping[str, Array]) -> list[Array]:
    """The outputs of a model, in its order."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; what it optimises is nothing to tell
    session = onnxruntime.InferenceSession(
        model, options, providers=["CPUExecutionProvider"]
    )
    return [np.asarray(output) for output in session.run(None, dict(inputs))]


def check(entry: EntryPoint, model: bytes, device: str) -> None:
    """Raises ExportError where an output of the example inputs differs from what the
    device here gave by more than 1e-5 of its largest value (or of 1)."""
    ports = (port.name for port in entry.inputs)
    found = run(model, dict(zip(ports, entry.example_inputs, strict=True)))
    names = [*entry.state, *(port.name for port in entry.outputs)]
    expected = (*entry.example_state, *entry.example_outputs)
    for name, here, there in zip(names, expected, found, strict=True):
        error = difference(there, here)
        if error > TOLERANCE:
            raise ExportError(
                f"export to ONNX: {entry.name}: onnxruntime gives {name!r} another "
                f"value than {device} on the example inputs: they differ by "
                f"{error:.3g} of the largest, and {TOLERANCE} is allowed; nothing was "
                "written. Where examples are extreme (overflow, a quotient of two "
                "differences), give usual ones; where a gradient is nothing but "
                "round-off, which Adam magnifies to a whole step (as of a bias before "
                "batch norm), leave the parameter out (bias=False)"
            )


def difference(found: Array, expected: Array) -> float:
    """The largest difference, relative to the largest finite expected value (or 1)."""
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return float("inf")
    if not found.size:
        return 0.0
    a, b = found.astype(np.float64), expected.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    scale = max(1.0, float(np.max(np.abs(b), where=np.isfinite(b), initial=0)))
    with np.errstate(invalid="ignore"):
        return float(np.max(np.where(same, 0.0, np.abs(a - b)))) / scale
