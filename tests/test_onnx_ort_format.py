"""ONNX models in ORT format, as small builds of onnxruntime for phones read it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.meta import MAML, Conv4

pytest.importorskip("onnx", reason="needs neurenix-core[onnx]")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs neurenix-core[onnx]")


def _adaptation(rng: np.random.Generator) -> tuple[Any, dict[str, Any]]:
    nx.manual_seed(0)
    network = Conv4(1, 4, 3, image_size=16, batch_norm="transductive")
    task = MAML(network, inner_lr=0.4, inner_steps=2).as_function(ways=3)
    return task, {
        "support_x": rng.random((3, 1, 16, 16)).astype(np.float32),
        "support_y": np.arange(3, dtype=np.int32),
        "query_x": rng.random((2, 1, 16, 16)).astype(np.float32),
    }


def _recurrence(rng: np.random.Generator) -> tuple[Any, dict[str, Any]]:
    def states(x: nx.Tensor) -> tuple[nx.Tensor, nx.Tensor]:
        def step(h: nx.Tensor, row: nx.Tensor) -> tuple[nx.Tensor, nx.Tensor]:
            h = nx.tanh(h + row)
            return h, h

        last, all_states = nx.scan(step, nx.zeros(3), x)
        return last, all_states

    return states, {"x": rng.random((64, 3)).astype(np.float32)}


@pytest.mark.parametrize("make", [_adaptation, _recurrence])
def test_models_convert_and_give_the_same(make: Any, tmp_path: Path) -> None:
    function, given = make(np.random.default_rng(0))
    nx.export(function, given, tmp_path / "model.onnx", target="onnx")
    converter = "onnxruntime.tools.convert_onnx_models_to_ort"
    subprocess.run(
        [sys.executable, "-m", converter, "--optimization_style=Fixed", "model.onnx"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    results = [
        onnxruntime.InferenceSession(
            tmp_path / name, providers=["CPUExecutionProvider"]
        ).run(None, given)
        for name in ("model.onnx", "model.ort")
    ]
    for expected, found in zip(*results, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)
