"""The conformance suite on the emulated ROCm engine: values."""

from __future__ import annotations

from rocm_emulated import register

from neurenix.testing.suite import test_corners, test_forward  # noqa: F401

NX_DEVICES = [register()]
