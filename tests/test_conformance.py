"""The conformance suite on every device that is here, fused and not."""

from __future__ import annotations

from neurenix.testing.suite import *  # noqa: F403
