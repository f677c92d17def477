"""The benchmarks' workloads w1 to w6 on the emulated ROCm engine, with wavefronts of
64: the losses of five steps are the CPU's. Convolutions are smaller here than in the
benchmarks."""

from __future__ import annotations

import sys

import pytest
from rocm_emulated import ROOT, register

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
