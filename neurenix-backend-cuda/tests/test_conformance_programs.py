"""The conformance suite on the emulated CUDA engine: programs."""

from __future__ import annotations

from cuda_emulated import register

from neurenix.testing.suite import (  # noqa: F401
    test_compiled,
    test_conduct,
    test_every_primitive_has_a_case,
    test_the_basis_is_declared,
)

NX_DEVICES = [register()]
