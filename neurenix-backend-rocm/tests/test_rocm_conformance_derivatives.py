"""The conformance suite on the emulated ROCm engine: derivatives."""

from __future__ import annotations

from rocm_emulated import register

from neurenix.testing.suite import test_derivatives  # noqa: F401

NX_DEVICES = [register()]
