"""What wgpu raises, as errors of Neurenix's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import wgpu

from neurenix.errors import BackendError, OutOfMemoryError


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Errors of wgpu inside become BackendError (or OutOfMemoryError), which begins
    with `what`."""
    try:
        yield
    except wgpu.GPUOutOfMemoryError as error:
        raise OutOfMemoryError(
            f"{what}: the GPU has no memory left: {error}"
        ) from error
    except (wgpu.GPUError, wgpu.GPUPipelineError) as error:
        raise BackendError(f"{what}: WebGPU says: {error}") from error
