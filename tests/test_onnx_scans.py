"""Long scans as ONNX's Scan: forwards, backwards, their gradients, and how small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurenix as nx

onnx = pytest.importorskip("onnx", reason="needs neurenix-core[onnx]")
pytest.importorskip("onnxruntime", reason="needs neurenix-core[onnx]")

Array = np.ndarray[Any, Any]


def _exported(f: Any, given: dict[str, Array], path: Path) -> tuple[Any, list[str]]:
    """The model, which the export has compared with the device here to 1e-5; and its
    operators, those of bodies too."""
    nx.export(f, given, path, target="onnx")
    model = onnx.load(path)
    kinds: list[str] = []

    def walk(graph: Any) -> None:
        for node in graph.node:
            kinds.append(node.op_type)
            for attribute in node.attribute:
                if attribute.type == onnx.AttributeProto.GRAPH:
                    walk(attribute.g)

    walk(model.graph)
    return model, kinds


def _run(path: Path, given: dict[str, Array]) -> list[Array]:
    import onnxruntime

    session = onnxruntime.InferenceSession(
        str(path), providers=["CPUExecutionProvider"]
    )
    return [np.asarray(x) for x in session.run(None, given)]


def _recurrence(w: nx.Tensor, x: nx.Tensor) -> tuple[nx.Tensor, nx.Tensor]:
    """h ← tanh(w h + x_t), and all of it."""

    def step(h: nx.Tensor, row: nx.Tensor) -> tuple[nx.Tensor, nx.Tensor]:
        h = nx.tanh(w @ h + row)
        return h, h

    last, states = nx.scan(step, nx.zeros(4), x)
    return last, states


def _given(length: int) -> dict[str, Array]:
    rng = np.random.default_rng(length)
    w = rng.normal(0, 0.4, (4, 4)).astype(np.float32)
    return {"w": w, "x": rng.normal(0, 1, (length, 4)).astype(np.float32)}


def test_a_thousand_steps(tmp_path: Path) -> None:
    path, given = tmp_path / "long.onnx", _given(1000)
    _, kinds = _exported(_recurrence, given, path)
    assert kinds.count("Scan") == 1
    assert len(kinds) < 60
    assert path.stat().st_size < 20_000
    other = {**given, "x": given["x"][::-1].copy()}
    wanted = _recurrence(nx.tensor(other["w"]), nx.tensor(other["x"]))
    for found, expected in zip(_run(path, other), wanted, strict=True):
        np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_a_short_one_is_unrolled(tmp_path: Path) -> None:
    _, kinds = _exported(_recurrence, _given(5), tmp_path / "short.onnx")
    assert "Scan" not in kinds


def test_the_gradient_of_a_thousand_steps(tmp_path: Path) -> None:
    """It runs backwards over what the first scan kept."""

    def loss(w: nx.Tensor, x: nx.Tensor) -> nx.Tensor:
        last, states = _recurrence(w, x)
        return (last * last).sum() + states.mean()

    def gradients(w: nx.Tensor, x: nx.Tensor) -> dict[str, nx.Tensor]:
        value, (of_w, of_x) = nx.value_and_grad(loss, argnums=(0, 1))(w, x)
        return {"loss": value, "of_w": of_w, "of_x": of_x}

    model, kinds = _exported(gradients, _given(1000), tmp_path / "gradient.onnx")
    scans = [node for node in model.graph.node if node.op_type == "Scan"]
    assert len(scans) == kinds.count("Scan") == 2
    directions = [
        list(a.ints) for a in scans[1].attribute if a.name == "scan_input_directions"
    ]
    assert set(directions[0]) == {1}


def test_a_scan_within_a_scan_and_one_over_nothing(tmp_path: Path) -> None:
    """Names within bodies differ from those around them, and an iteration need not read
    anything."""

    def f(x: nx.Tensor) -> dict[str, nx.Tensor]:
        def inner(total: nx.Tensor, row: nx.Tensor) -> tuple[nx.Tensor, nx.Tensor]:
            return total * 0.5 + row, total

        def outer(total: nx.Tensor, rows: nx.Tensor) -> tuple[nx.Tensor, nx.Tensor]:
            last, _ = nx.scan(inner, total, rows)
            return last, last.sum()

        def halved(value: nx.Tensor, _: Any) -> tuple[nx.Tensor, nx.Tensor]:
            return value * 0.5 + 1, value

        nested, sums = nx.scan(outer, nx.zeros(3), x)
        alone, kept = nx.scan(halved, nested, length=64)
        return {"nested": nested, "sums": sums, "alone": alone, "kept": kept}

    x = np.random.default_rng(0).normal(0, 1, (40, 6, 3)).astype(np.float32)
    _, kinds = _exported(f, {"x": x}, tmp_path / "nested.onnx")
    assert kinds.count("Scan") == 3
