"""WebGPU as a Neurenix backend: the device type "webgpu"."""

from __future__ import annotations

from importlib import metadata

from neurenix import backends

NAME = "neurenix-backend-webgpu"


def _probe() -> int:
    from .adapters import find_adapters

    return len(find_adapters())


def _passed_over() -> str:
    from .adapters import only_software

    return only_software()


def _create() -> backends.Backend:
    from .backend import WebGPUBackend

    return WebGPUBackend()


@backends.hookimpl
def neurenix_backend() -> backends.BackendInfo:
    """The record that core asks for. After the CPU: small networks run faster there."""
    return backends.BackendInfo(
        "webgpu", backends.API_VERSION, NAME, 5, _probe, _create, _passed_over
    )


__version__ = metadata.version(NAME)
