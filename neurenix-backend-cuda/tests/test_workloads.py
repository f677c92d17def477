"""The losses of w1 to w6 on the emulated CUDA engine, beside the CPU's."""

from __future__ import annotations

import pytest
from cuda_emulated import register
from emulated_workloads import WORKLOADS, case, check_losses

import neurenix as nx

DEVICE = register()


@pytest.mark.parametrize("name", WORKLOADS)
def test_losses_are_the_cpus(name: str) -> None:
    check_losses(DEVICE, name)


def test_the_same_bits_twice() -> None:
    nx.init({"device": DEVICE})
    runs = []
    for _ in range(2):
        workload = case("w1")
        workload.losses(3)
        parameters = workload.learner.parameters()
        runs.append([parameter.numpy().tobytes() for parameter in parameters])
    nx.init({"device": "cpu"})
    assert runs[0] == runs[1]
