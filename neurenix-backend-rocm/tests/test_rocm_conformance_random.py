"""The conformance suite on the emulated ROCm engine: shapes and values at random."""

from __future__ import annotations

from rocm_emulated import register

from neurenix.testing.suite import (  # noqa: F401
    test_random_binary,
    test_random_gather,
    test_random_integers,
    test_random_movement,
    test_random_programs,
    test_random_reduction,
    test_random_ties,
    test_random_unary,
)

NX_DEVICES = [register()]
