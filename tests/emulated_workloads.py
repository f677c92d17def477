"""The benchmarks' workloads w1 to w6 on an emulated engine. Convolutions are smaller
here than in the benchmarks."""

from __future__ import annotations

import sys

import pytest
from emulated_engine import ROOT

import neurenix as nx

if not nx.get_device_count("cpu"):
    pytest.skip(
        "the losses are held to the CPU engine's, which is not installed",
        allow_module_level=True,
    )
sys.path.insert(0, str(ROOT / "benchmarks" / "gpu"))
from cases import case  # type: ignore[import-not-found]

WORKLOADS = ["w1", "w2", "w3", "w4", "w5s1", "w5s5", "w6"]


def check_losses(device: str, name: str) -> None:
    """Those of five steps are the CPU's."""
    losses = {}
    for there in ("cpu", device):
        nx.init({"device": there})
        losses[there] = case(name, channels=8, image=16).losses(5)
    nx.init({"device": "cpu"})
    assert losses[device] == pytest.approx(losses["cpu"], rel=1e-5)
