"""Tests that read machine code need a vendor's compilers, which not every machine can
have."""

from __future__ import annotations

import os

import pytest


def needs_compilers(vendor: str, missing: str) -> pytest.MarkDecorator:
    """Skips where something is missing, with what that is; fails where
    NEURENIX_REQUIRE_COMPILERS, such as "amd nvidia", says that it must be there."""
    if missing and vendor in os.environ.get("NEURENIX_REQUIRE_COMPILERS", "").split():
        pytest.fail(f"NEURENIX_REQUIRE_COMPILERS has {vendor}, and {missing}")
    return pytest.mark.skipif(bool(missing), reason=missing or "all is there")
