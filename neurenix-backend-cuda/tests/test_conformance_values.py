"""The conformance suite on the emulated CUDA engine: values."""

from __future__ import annotations

from cuda_emulated import register

from neurenix.testing.suite import test_corners, test_forward  # noqa: F401

NX_DEVICES = [register()]
