"""The CUDA engine itself, as nvcc has built it (`make cuda`): what it links, its size,
and its host side over the fake driver."""

from __future__ import annotations

import pytest
from built_engine import BUILT_CUDA

pytestmark = [pytest.mark.slow, BUILT_CUDA.is_needed()]


def test_it_needs_nothing_of_cuda_and_is_small() -> None:
    needed = BUILT_CUDA.needed_libraries()
    assert "libc.so.6" in needed
    assert not any(name.startswith(("libcu", "libnv")) for name in needed)
    assert BUILT_CUDA.library.stat().st_size < 30e6


def test_without_a_driver_it_counts_no_devices() -> None:
    assert BUILT_CUDA.device_count() == 0


def test_its_host_side_runs_a_step_over_the_fake_driver() -> None:
    BUILT_CUDA.step_over_the_fake_driver()
