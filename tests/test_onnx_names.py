"""Names of an ONNX model: inputs, weights, state, outputs and the nodes' own stay
apart. Each model is run on values unlike the examples it was exported with."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim

onnx = pytest.importorskip("onnx", reason="needs the extra [onnx]")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra [onnx]")


class Model:
    """A model in onnxruntime, by names."""

    def __init__(self, f: Any, examples: dict[str, Any], folder: Path) -> None:
        path = folder / "f.onnx"
        nx.export(f, examples, path, target="onnx")
        self.session = onnxruntime.InferenceSession(
            path, providers=["CPUExecutionProvider"]
        )
        self.inputs = [i.name for i in self.session.get_inputs()]
        self.outputs = [o.name for o in self.session.get_outputs()]
        about = self.session.get_modelmeta().custom_metadata_map["neurenix"]
        self.state: dict[str, str] = json.loads(about)["state"]

    def __call__(self, **inputs: Any) -> dict[str, Any]:
        return dict(zip(self.outputs, self.session.run(None, inputs), strict=True))


def row(*values: float) -> Any:
    return np.array([values], np.float32)


def test_an_input_named_as_a_weight_that_is_read(tmp_path: Path) -> None:
    linear = nn.Linear(2, 2, bias=False)

    def blend(weight: nx.Tensor, x: nx.Tensor) -> nx.Tensor:
        return nn.functional_call(linear, {"weight": weight}, x)[0] - linear(x)

    given = {"weight": linear.weight.numpy(), "x": nx.ones(1, 2)}
    model = Model(blend, given, tmp_path)
    assert model.inputs == ["weight", "x"]
    x, zero = row(3, 4), np.zeros((2, 2), np.float32)
    expected = blend(nx.tensor(zero), nx.tensor(x)).numpy()
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(model(weight=zero, x=x)["output"], expected, rtol=1e-5)


def test_the_only_input_is_named_as_the_weight(tmp_path: Path) -> None:
    linear = nn.Linear(2, 2, bias=False)
    model = Model(lambda weight: linear(weight), {"weight": nx.ones(1, 2)}, tmp_path)
    x = row(3, 4)
    np.testing.assert_allclose(
        model(weight=x)["output"], linear(nx.tensor(x)).numpy(), rtol=1e-5
    )


def test_an_output_named_as_a_weight(tmp_path: Path) -> None:
    linear = nn.Linear(2, 2, bias=False)
    model = Model(lambda x: {"weight": linear(x)}, {"x": nx.ones(1, 2)}, tmp_path)
    x = row(3, 4)
    found = model(x=x)["weight"]
    np.testing.assert_allclose(found, linear(nx.tensor(x)).numpy(), rtol=1e-5)


def test_an_input_of_another_entry_point_named_as_a_weight(tmp_path: Path) -> None:
    linear = nn.Linear(2, 2, bias=False)
    nx.export(
        {"given": lambda weight: weight * 2, "held": lambda x: linear(x)},
        {"given": (nx.ones(2),), "held": (nx.ones(1, 2),)},
        tmp_path / "two",
        target="onnx",
    )
    session = onnxruntime.InferenceSession(
        tmp_path / "two/held.onnx", providers=["CPUExecutionProvider"]
    )
    x = row(3, 4)
    np.testing.assert_allclose(
        session.run(None, {"x": x})[0], linear(nx.tensor(x)).numpy(), rtol=1e-5
    )


def test_inputs_and_outputs_named_as_nodes_are(tmp_path: Path) -> None:
    def f(_1: nx.Tensor, _2: nx.Tensor) -> dict[str, nx.Tensor]:
        return {"_3": _1 * 2 + _2, "_4": _1 - _2 * 3}

    model = Model(f, {"_1": nx.ones(1, 2), "_2": nx.ones(1, 2)}, tmp_path)
    assert (model.inputs, model.outputs) == (["_1", "_2"], ["_3", "_4"])
    found = model(_1=row(3, 4), _2=row(5, 7))
    assert found["_3"].tolist() == [[11, 15]]
    assert found["_4"].tolist() == [[-12, -17]]


def test_an_output_named_as_an_input_beside_one_named_next(tmp_path: Path) -> None:
    def f(x: nx.Tensor) -> dict[str, nx.Tensor]:
        return {"x": x + 1, "x.next": x * 2}

    model = Model(f, {"x": nx.ones(1, 2)}, tmp_path)
    assert model.outputs == ["x.next#2", "x.next"]
    found = model(x=row(3, 4))
    assert found["x.next#2"].tolist() == [[4, 5]]
    assert found["x.next"].tolist() == [[6, 8]]


@pytest.mark.parametrize("output", ["loss", "step", "step.next", "weight.next"])
def test_an_argument_and_outputs_named_as_state(output: str, tmp_path: Path) -> None:
    """Three steps of Adam, whose state has a `step`, are three steps here."""
    nx.manual_seed(0)
    linear = nn.Linear(2, 1, bias=False)
    optimizer = optim.Adam(linear.parameters(), lr=0.1)

    def train(step: nx.Tensor, weight: nx.Tensor) -> dict[str, nx.Tensor]:
        optimizer.zero_grad()
        loss = ((linear(step) - weight) ** 2).mean()
        loss.backward()
        optimizer.step()
        return {output: loss}

    compiled = nx.compile(train, state=[linear, optimizer])
    examples = {"step": nx.ones(1, 2), "weight": nx.ones(1, 1)}
    model = Model(compiled, examples, tmp_path)
    assert model.inputs[:2] == ["step", "weight"]
    assert not set(model.state) & {"step", "weight"}
    inputs = {"step": row(3, 4), "weight": row(-2)}
    (name,) = [n for n in model.outputs if n not in model.state.values()]
    assert name == ("step.next" if output == "step" else output)
    state: dict[str, Any] = {}
    for _ in range(3):
        found = model(**inputs, **state)
        state = {n: found[after] for n, after in model.state.items()}
        here = compiled(**{n: nx.tensor(x) for n, x in inputs.items()})
        np.testing.assert_allclose(found[name], here[output].item(), rtol=1e-4)


def test_two_weights_of_one_buffer(tmp_path: Path) -> None:
    start = nx.full((1, 2), 5.0)
    first, second = nx.Cell(start, name="a"), nx.Cell(start, name="b")
    model = Model(lambda x: first * x + second, {"x": nx.ones(1, 2)}, tmp_path)
    assert model(x=row(3, 4))["output"].tolist() == [[20, 25]]
