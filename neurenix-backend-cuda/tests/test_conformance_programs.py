"""The conformance suite on the emulated CUDA engine: programs."""

from __future__ import annotations

from cuda_emulated import register

NX_DEVICES = [register()]
