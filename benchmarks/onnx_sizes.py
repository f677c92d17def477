"""How large ONNX models are and how long their export takes: docs/deploy.md.

    python benchmarks/onnx_sizes.py

MAML with Conv-4 of 32 channels and five steps; and a recurrence of 1,000 steps as one
`Scan`, and unrolled. Processor time: seconds of the export, with its checks, and
milliseconds of a call in onnxruntime, on one thread, the median of 20.
"""

from __future__ import annotations

import tempfile
import time
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnx
import onnxruntime

import neurenix as nx
from neurenix.meta import MAML, Conv4

UNROLLED = 10**9  # iterations from which on a scan is kept


def measure(name: str, f: Any, given: dict[str, Any], folder: Path) -> None:
    path = folder / "model.onnx"
    start = time.process_time()
    nx.export(f, given, path, target="onnx")
    spent = time.process_time() - start
    nodes = len(onnx.load(path).graph.node)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"]
    )
    inputs = {name: np.asarray(x) for name, x in given.items()}
    calls = []
    for _ in range(20):
        start = time.process_time()
        session.run(None, inputs)
        calls.append(1000 * (time.process_time() - start))
    size = path.stat().st_size / 1000
    print(f"{name:32} {nodes:6} nodes {size:7.1f} KB", end="")
    print(f" {spent:6.2f} s {median(calls):8.2f} ms")


def recurrence(w: nx.Tensor, x: nx.Tensor) -> tuple[nx.Tensor, nx.Tensor]:
    def step(h: nx.Tensor, row: nx.Tensor) -> tuple[nx.Tensor, nx.Tensor]:
        h = nx.tanh(w @ h + row)
        return h, h

    last, states = nx.scan(step, nx.zeros(4), x)
    return last, states


def main() -> None:
    rng = np.random.default_rng(0)

    def images(count: int) -> Any:
        return rng.random((count, 1, 28, 28)).astype(np.float32)

    network = Conv4(1, 32, 5, image_size=28, batch_norm="transductive")
    task = MAML(network, inner_lr=0.4, inner_steps=5).as_function(ways=5)
    episode = {
        "support_x": images(5),
        "support_y": np.arange(5, dtype=np.int32),
        "query_x": images(1),
    }
    w = rng.normal(0, 0.4, (4, 4)).astype(np.float32)
    given = {"w": w, "x": rng.normal(0, 1, (1000, 4)).astype(np.float32)}
    model = import_module("neurenix.exporting.onnx.model")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measure("MAML, Conv-4, 5 steps", task, episode, folder)
        measure("recurrence of 1,000, Scan", recurrence, given, folder)
        model.LONG = UNROLLED
        measure("recurrence of 1,000, unrolled", recurrence, given, folder)


if __name__ == "__main__":
    main()
