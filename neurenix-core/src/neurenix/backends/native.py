"""Where backends made before 0.2 find what is now in `neurenix.phynexus`."""

from ..phynexus import NativeBackend, count_devices

__all__ = ["NativeBackend", "count_devices"]
