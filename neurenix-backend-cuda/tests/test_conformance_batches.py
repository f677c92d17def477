"""The conformance suite on the emulated CUDA engine: batches. In files of their own, so that
processes share them."""

from __future__ import annotations

from cuda_emulated import register

from neurenix.testing.suite import test_vmap, test_map  # noqa: F401

NX_DEVICES = [register()]
