"""The hooks that a backend package implements.

A package that brings the device type "mychip" declares, in its pyproject.toml,

    [project.entry-points."neurenix.backends"]
    mychip = "neurenix_backend_mychip"

and its module, which must import without loading a driver, has

    import neurenix.backends as nb

    @nb.hookimpl
    def neurenix_backend():
        return nb.BackendInfo(
            device_type="mychip", api_version=nb.API_VERSION,
            distribution="neurenix-backend-mychip", priority=10,
            probe=count_devices,      # -> int; raises to say why there are none
            create=MyChipBackend,     # -> neurenix.backends.Backend
        )
"""

from __future__ import annotations

import pluggy

from .protocol import BackendInfo

hookspec = pluggy.HookspecMarker("neurenix")
hookimpl = pluggy.HookimplMarker("neurenix")


class BackendHooks:
    @hookspec
    def neurenix_backend(self) -> BackendInfo:  # type: ignore[empty-body]
        """The backend that this plugin brings, as a frozen record. Called once, when
        its device type is first asked about."""
