"""The device type "template": found by its entry point, loaded when it is asked for."""

from neurenix import backends


def count_devices():
    """How many devices there are. Raise an error that says why, where there should be
    some and a driver is missing. Keep hold of nothing."""
    return 1


def create():
    from .backend import TemplateBackend  # not before the device is used

    return TemplateBackend()


@backends.hookimpl
def neurenix_backend():
    return backends.BackendInfo(
        device_type="template",
        api_version=backends.API_VERSION,
        distribution="neurenix-backend-template",
        priority=-50,  # below every real device: taken only if it is asked for
        probe=count_devices,
        create=create,
    )
