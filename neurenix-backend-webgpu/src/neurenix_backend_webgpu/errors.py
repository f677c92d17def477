"""What wgpu raises, as errors of Neurenix's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import wgpu

from neurenix.errors import BackendError, InvalidArgumentError, OutOfMemoryError


class DeviceLostError(BackendError):
    """The driver has given the device up, and with it what its memory held."""


class LostTensorError(DeviceLostError, InvalidArgumentError):
    """A tensor lay on a device when that was lost."""


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Errors of wgpu inside become OutOfMemoryError, DeviceLostError or BackendError,
    which begin with `what`."""
    try:
        yield
    except wgpu.GPUOutOfMemoryError as error:
        raise OutOfMemoryError(f"{what}: no GPU memory is left: {error}") from error
    except (wgpu.GPUError, wgpu.GPUPipelineError, RuntimeError) as error:
        if isinstance(error, BackendError | OutOfMemoryError):
            raise
        if "lost" in str(error):
            raise DeviceLostError(
                f"{what}: the device was lost (a driver reset, a kernel beyond the "
                "system's time limit, or a GPU that went away). The tensors on it are "
                "gone, models and optimizers too: make them again, or load your last "
                "checkpoint; the next use opens the device anew"
            ) from error
        raise BackendError(f"{what}: WebGPU says: {error}") from error
