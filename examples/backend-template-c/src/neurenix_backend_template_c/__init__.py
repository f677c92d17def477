"""The device type "template_c": an engine in C++, opened by Neurenix with cffi."""

from pathlib import Path

from neurenix import backends

LIBRARY = Path(__file__).with_name("libengine.so")


def count_devices():
    from neurenix.phynexus import count_devices

    return count_devices(LIBRARY)


def create():
    from neurenix.phynexus import NativeBackend

    return NativeBackend(LIBRARY)


@backends.hookimpl
def neurenix_backend():
    return backends.BackendInfo(
        device_type="template_c",
        api_version=backends.API_VERSION,
        distribution="neurenix-backend-template-c",
        priority=-40,  # below every real device: taken only if it is asked for
        probe=count_devices,
        create=create,
    )
