"""The losses of w1 to w6 on the emulated ROCm engine, with wavefronts of 64, beside
the CPU's."""

from __future__ import annotations

import pytest
from emulated_workloads import WORKLOADS, check_losses
from rocm_emulated import register

DEVICE = register()


@pytest.mark.parametrize("name", WORKLOADS)
def test_losses_are_the_cpus(name: str) -> None:
    check_losses(DEVICE, name)
