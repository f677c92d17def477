"""The conformance suite on the emulated ROCm engine: batches."""

from __future__ import annotations

from rocm_emulated import register

from neurenix.testing.suite import test_map, test_vmap  # noqa: F401

NX_DEVICES = [register()]
