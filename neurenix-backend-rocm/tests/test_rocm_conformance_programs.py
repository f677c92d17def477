"""The conformance suite on the emulated ROCm engine: programs."""

from __future__ import annotations

from rocm_emulated import register

NX_DEVICES = [register()]
