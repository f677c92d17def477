"""The old place of `neurenix.phynexus`, for backends made before 0.2."""

from ..phynexus import NativeBackend, count_devices

__all__ = ["NativeBackend", "count_devices"]
