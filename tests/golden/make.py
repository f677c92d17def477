"""Programs that are kept as files, so that a change of their form or meaning is seen.

    python tests/golden/make.py

writes them anew, beside this file: after a change that is meant.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import neurenix as nx
from neurenix.nn import functional
from neurenix.program import Program
from neurenix.program.to_json import to_json

FOLDER = Path(__file__).parent


def sine_maml_step() -> Program:
    """Second-order MAML on three sine waves: two inner steps, a meta-step of SGD."""

    def network(p: Any, x: Any) -> Any:
        return nx.tanh(x @ p[0] + p[1]) @ p[2] + p[3]

    def loss(p: Any, x: Any, y: Any) -> Any:
        return ((network(p, x) - y) ** 2).mean()

    @nx.compile
    def inner(p: Any, x: Any, y: Any) -> Any:
        return [w - 0.1 * g for w, g in zip(p, nx.grad(loss)(p, x, y), strict=True)]

    def task(p: Any, sx: Any, sy: Any, qx: Any, qy: Any) -> Any:
        for _ in range(2):
            p = inner(p, sx, sy)
        return loss(p, qx, qy)

    def step(p: Any, *tasks: Any) -> Any:
        def mean_loss(p: Any) -> Any:
            return nx.map(lambda *t: task(p, *t), reduce="mean")(*tasks)

        value, gradient = nx.value_and_grad(mean_loss)(p)
        return value, [w - 0.01 * g for w, g in zip(p, gradient, strict=True)]

    shapes = [(1, 8), (8,), (8, 1), (1,)]
    tasks = [nx.zeros(3, n, 1) for n in (5, 5, 10, 10)]
    return nx.capture(step, [nx.zeros(*s) for s in shapes], *tasks)


def conv_prototypical_step() -> Program:
    """The gradient of prototypical networks on two episodes of 3 ways and 2 shots."""

    def embed(w: Any, b: Any, x: Any) -> Any:
        y = functional.conv2d(x, w, b, padding=1)
        return functional.max_pool2d(nx.relu(y), 2).reshape(x.shape[0], -1)

    def episode(w: Any, b: Any, support: Any, query: Any) -> Any:
        prototypes = embed(w, b, support).reshape(3, 2, -1).mean(1)
        points = embed(w, b, query)
        distance = ((points[:, None] - prototypes[None]) ** 2).sum(-1)
        labels = nx.arange(6, dtype=nx.int32) // 2
        return functional.cross_entropy(-distance, labels)

    def step(w: Any, b: Any, *tasks: Any) -> Any:
        def mean_loss(w: Any, b: Any) -> Any:
            return nx.map(lambda *t: episode(w, b, *t), reduce="mean")(*tasks)

        return nx.value_and_grad(mean_loss, (0, 1))(w, b)

    images = [nx.zeros(2, 6, 1, 8, 8) for _ in range(2)]
    return nx.capture(step, nx.zeros(4, 1, 3, 3), nx.zeros(4), *images)


def scan_with_derivative() -> Program:
    """A recurrence of five steps, and its derivative, which saves the carries."""

    def loss(w: Any, xs: Any) -> Any:
        last, ys = nx.scan(lambda c, x: (nx.tanh(c * w + x), c.sum()), w * 0.0, xs)
        return last.sum() + (ys * ys).sum()

    return nx.capture(nx.value_and_grad(loss, (0, 1)), nx.zeros(2), nx.zeros(5, 2))


PROGRAMS: dict[str, Callable[[], Program]] = {
    f.__name__: f
    for f in (sine_maml_step, conv_prototypical_step, scan_with_derivative)
}


def inputs_of(program: Program) -> list[Any]:
    rng = np.random.default_rng(0)
    return [
        rng.normal(0, 0.5, t.shape).astype(t.dtype.numpy) for t in program.input_types
    ]


def results_of(program: Program) -> list[Any]:
    """What NumPy makes of it."""
    return program.evaluate(inputs_of(program))


def text_of(program: Program) -> str:
    """The file: a line for each region, and one for the results."""
    written = to_json(program)
    regions = ",\n".join(json.dumps(r) for r in written.pop("regions"))
    head = json.dumps(written)[:-1]
    results = [np.round(r.astype(float), 6).tolist() for r in results_of(program)]
    whole = f'{head}, "regions": [\n{regions}\n]}}'
    return f'{{"program": {whole},\n"results": {json.dumps(results)}}}\n'


if __name__ == "__main__":
    nx.init({"device": "reference"})
    for name, make in PROGRAMS.items():
        (FOLDER / f"{name}.json").write_text(text_of(make()), encoding="utf-8")
