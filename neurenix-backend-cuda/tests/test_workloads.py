"""The benchmarks' workloads w1 to w6 on the emulated CUDA engine: the losses of five
steps are the CPU's. Convolutions are smaller here than in the benchmarks."""

from __future__ import annotations

import sys

import pytest
from cuda_emulated import ROOT, register

import neurenix as nx

DEVICE = register()
if not nx.get_device_count("cpu"):
    pytest.skip(
        "the losses are held to the CPU engine's, which is not installed",
        allow_module_level=True,
    )
sys.path.insert(0, str(ROOT / "benchmarks" / "gpu"))
from cases import case  # type: ignore[import-not-found]  # noqa: E402


@pytest.mark.parametrize("name", ["w1", "w2", "w3", "w4", "w5s1", "w5s5", "w6"])
def test_losses_are_the_cpus(name: str) -> None:
    losses = {}
    for device in ("cpu", DEVICE):
        nx.init({"device": device})
        losses[device] = case(name, channels=8, image=16).losses(5)
    nx.init({"device": "cpu"})
    assert losses[DEVICE] == pytest.approx(losses["cpu"], rel=1e-5)


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
