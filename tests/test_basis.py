"""The conformance suite on a device that has the minimal basis and nothing else: every
other primitive by its decomposition."""

from __future__ import annotations

from neurenix.testing import add_restricted_device
from neurenix.testing.suite import *  # noqa: F403

NX_DEVICES = [add_restricted_device()]
