"""The CPU executor of exports for the web, in Node: what Conv-4 takes there.

    python benchmarks/web_runner.py [channels]

5-way 1-shot on 28 x 28 images: Prototypical Networks embed a support set, then a query;
MAML takes five gradient steps, then predicts (its query goes through the network with
the support set). Milliseconds of processor time, the median of five calls after two.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import neurenix as nx
from neurenix.meta import MAML, Conv4, PrototypicalNetworks

SCRIPT = """
const [folder, calls] = JSON.parse(process.argv[1]);
const { load } = await import(folder + "/neurenix.js");
const model = await load("file://" + folder, { device: "cpu" });
const fed = {};
for (const [entry, shapes] of calls) {
  const times = [];
  for (let i = 0; i < 7; i++) {
    const inputs = {};
    for (const [name, count] of Object.entries(shapes)) {
      inputs[name] = fed[name] ?? (Array.isArray(count) ? count
        : Float32Array.from({ length: count }, Math.random));
    }
    const start = process.cpuUsage().user;
    const results = await model.run(entry, inputs);
    times.push((process.cpuUsage().user - start) / 1000);
    for (const [name, value] of Object.entries(results)) fed["adapted." + name] = value;
  }
  const median = times.slice(2).sort((a, b) => a - b)[2];
  console.log(entry.padEnd(10), median.toFixed(0).padStart(6), "ms");
}
"""


def main(channels: int) -> None:
    node = shutil.which("node")
    if node is None:
        raise SystemExit("web_runner.py needs node on the path")
    rng = np.random.default_rng(0)
    support = nx.tensor(rng.uniform(0, 1, (5, 1, 28, 28)).astype(np.float32))
    query = nx.tensor(rng.uniform(0, 1, (1, 1, 28, 28)).astype(np.float32))
    labels = nx.arange(5)
    runs = {
        "prototypical": PrototypicalNetworks(Conv4(1, channels)),
        "MAML": MAML(
            Conv4(1, channels, 5, image_size=28, batch_norm="transductive"),
            inner_lr=0.4,
            inner_steps=5,
        ),
    }
    for name, learner in runs.items():
        task = learner.as_function(ways=5)
        adapted = task.adapt(support, labels)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model"
            nx.export(
                {"adapt": task.adapt, "predict": task.predict},
                {"adapt": (support, labels), "predict": (adapted, query)},
                path,
                "web",
            )
            size = (path / "program.json").stat().st_size
            print(f"{name}, Conv-4 of {channels} channels: program.json {size:,} bytes")
            calls = [
                ["adapt", {"support_x": 5 * 784, "support_y": list(range(5))}],
                ["predict", {**{f"adapted.{n}": 0 for n in adapted}, "query_x": 784}],
            ]
            given = json.dumps([str(path), calls])
            subprocess.run(
                [node, "--input-type=module", "-e", SCRIPT, given], check=True
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 64)
