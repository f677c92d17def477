"""The conformance suite on the emulated CUDA engine: programs. In files of their own, so that
processes share them."""

from __future__ import annotations

from cuda_emulated import register

from neurenix.testing.suite import (
    test_compiled,
    test_conduct,
    test_the_basis_is_declared,
)  # noqa: F401

NX_DEVICES = [register()]
