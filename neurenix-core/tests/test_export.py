"""nx.export: what is captured, how it is named, and what is refused."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import (
    CaptureError,
    ExportError,
    InvalidArgumentError,
    MissingPackageError,
    StorageError,
)
from neurenix.exporting import targets
from neurenix.exporting.export import exported, run_program


class Result(NamedTuple):
    scores: nx.Tensor
    hidden: nx.Tensor


def network() -> nn.Module:
    nx.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


def test_a_module_is_exported_with_its_parameters_by_name() -> None:
    model, x = network(), nx.ones(5, 3)
    found = exported(model, {"x": x})
    (entry,) = found.entry_points
    assert (entry.name, entry.state) == ("run", ())
    assert entry.weights == ("0.weight", "0.bias", "2.weight", "2.bias")
    assert [p.name for p in entry.inputs] == ["x"]
    assert [p.name for p in entry.outputs] == ["output"]
    np.testing.assert_array_equal(entry.example_outputs[0], model(x).numpy())
    for name, cell in model.named_cells().items():
        np.testing.assert_array_equal(found.weights[name], cell.numpy())


def test_inputs_and_outputs_are_named_by_the_way_to_them() -> None:
    def f(weights: Any, *rows: Any, scale: Any, flag: bool = True) -> Any:
        total = weights["w"] * scale + weights["more"][0] + sum(rows)
        return {"b": total, "a": Result(total, total * 2), "none": None}

    entry = exported(
        f,
        {"weights": {"w": nx.ones(2), "more": [nx.ones(2)]}, "scale": nx.ones(2)},
    ).entry_points[0]
    assert [p.name for p in entry.inputs] == ["weights.more.0", "weights.w", "scale"]
    assert [p.name for p in entry.outputs] == ["a.scores", "a.hidden", "b"]
    rows = (nx.ones(2), nx.ones(2))
    entry = exported(lambda w, *r: (w, sum(r)), (nx.ones(2), *rows)).entry_points[0]
    assert [p.name for p in entry.inputs] == ["w", "r0", "r1"]
    assert [p.name for p in entry.outputs] == ["output0", "output1"]


def test_numbers_are_a_part_of_the_program() -> None:
    entry = exported(lambda x, n: x * n, {"x": nx.ones(2), "n": 3}).entry_points[0]
    assert [p.name for p in entry.inputs] == ["x"]
    assert entry.example_outputs[0].tolist() == [3.0, 3.0]


def test_state_is_told_apart_from_weights_and_starts_as_it_is_now() -> None:
    model = network()
    optimizer = optim.Adam(model.parameters(), lr=0.1)

    def step(x: nx.Tensor) -> nx.Tensor:
        optimizer.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    compiled = nx.compile(step, state=[model, optimizer], guard=True)
    before = {n: c.numpy().copy() for n, c in model.named_cells().items()}
    x = nx.ones(5, 3)
    found = exported(
        {"step": compiled, "predict": lambda x: model(x)},
        {"step": {"x": x}, "predict": {"x": x}},
    )
    training, prediction = found.entry_points
    assert set(before) <= set(training.state)
    assert "lr" in training.weights
    assert set(prediction.weights) == set(before)  # by the names that the step has
    assert [p.name for p in training.outputs] == ["output", "ok"]
    for name, value in before.items():  # exporting has trained nothing
        np.testing.assert_array_equal(found.weights[name], value)
        np.testing.assert_array_equal(model.named_cells()[name].numpy(), value)
    compiled(x)
    after = dict(zip(training.state, training.example_state, strict=True))
    for name, cell in model.named_cells().items():
        np.testing.assert_allclose(after[name], cell.numpy(), rtol=1e-6, atol=1e-7)


def test_two_cells_of_one_buffer_stay_two() -> None:
    start = nx.zeros(2)
    first, second = nx.Cell(start, name="a"), nx.Cell(start, name="b")

    def step(x: nx.Tensor) -> None:
        first.assign(first + x)
        second.assign(second - x)

    compiled = nx.compile(step, state=[first, second])
    found = exported({"step": compiled}, {"step": {"x": nx.ones(2)}})
    (entry,) = found.entry_points
    assert len(set(entry.state)) == 2
    assert sorted(v.tolist() for v in entry.example_state) == [[-1, -1], [1, 1]]


def test_weights_have_no_name_of_an_input_or_output() -> None:
    linear, counter = nn.Linear(2, 2, bias=False), nx.Cell(nx.zeros(1), name="output")

    def step(weight: nx.Tensor) -> nx.Tensor:
        counter.assign(counter + 1)
        return linear(weight)

    found = exported(
        {"step": nx.compile(step, state=[counter]), "other": lambda x: linear(x)},
        {"step": {"weight": nx.ones(1, 2)}, "other": {"x": nx.ones(1, 2)}},
    )
    training, other = found.entry_points
    assert [p.name for p in training.inputs] == ["weight"]
    assert [p.name for p in training.outputs] == ["output"]
    assert training.weights == other.weights == ("weight#2",)
    assert set(found.weights) == {"weight#2", *training.state}
    assert "output" not in training.state


def test_a_program_gives_its_example_outputs_again() -> None:
    model, x = network(), np.ones((5, 3), np.float32)
    found = exported(nx.grad(lambda x: model(x).sum()), (x,))
    (entry,) = found.entry_points
    arrays = [*(found.weights[n] for n in entry.weights), *entry.example_inputs]
    again = run_program(entry.program, arrays, nx.current_device())
    np.testing.assert_array_equal(again[0], entry.example_outputs[0])


# ---- refusals ------------------------------------------------------------------------

BATCH_NORM = nn.BatchNorm2d(2)
REFUSED: dict[str, Any] = {
    "unknown target": (
        InvalidArgumentError,
        "no target 'paper'; installed are .*'onnx'",
        lambda path: nx.export(network(), {"x": nx.ones(1, 3)}, path, "paper"),
    ),
    "no folder": (
        StorageError,
        "the folder .*nowhere' does not exist",
        lambda path: nx.export(
            network(), {"x": nx.ones(1, 3)}, path.parent / "nowhere/x", "onnx"
        ),
    ),
    "no function": (
        InvalidArgumentError,
        "export: 3 is not callable",
        lambda path: exported(3, {}),  # type: ignore[arg-type]
    ),
    "nothing": (
        InvalidArgumentError,
        "no function was given",
        lambda path: exported({}, {}),
    ),
    "a name that is none": (
        InvalidArgumentError,
        "named 'a b'; expected an identifier",
        lambda path: exported({"a b": lambda x: x}, {"a b": (nx.ones(1),)}),
    ),
    "examples of another argument": (
        InvalidArgumentError,
        r"run takes .*, and example_inputs gives z: missing .* 'x'",
        lambda path: exported(network(), {"z": nx.ones(1, 3)}),
    ),
    "no examples": (
        InvalidArgumentError,
        "example_inputs of run are a Tensor; expected a dict",
        lambda path: exported(network(), nx.ones(1, 3)),
    ),
    "examples of another entry point": (
        InvalidArgumentError,
        "the entry points are f; example_inputs must be a dict",
        lambda path: exported({"f": lambda x: x}, {"g": (nx.ones(1),)}),
    ),
    "names alike": (
        InvalidArgumentError,
        "two inputs of run have the name 'x.a.b'",
        lambda path: exported(
            lambda x: x["a.b"], {"x": {"a.b": nx.ones(1), "a": {"b": nx.ones(1)}}}
        ),
    ),
    "no result": (
        InvalidArgumentError,
        "run returns no tensor",
        lambda path: exported(lambda x: None, {"x": nx.ones(1)}),
    ),
    "a value is asked for": (
        CaptureError,
        r"value was asked for .*test_export\.py:\d+",
        lambda path: exported(lambda x: x if x.sum() > 0 else -x, {"x": nx.ones(1)}),
    ),
    "random numbers of no state": (
        CaptureError,
        "random numbers of nx.random.default_generator at test_export",
        lambda path: exported(lambda x: x + nx.rand(1), {"x": nx.ones(1)}),
    ),
    "a write to what is no state": (
        CaptureError,
        r"running_mean a new value at test_export.*\.eval\(\)",
        lambda path: exported(
            lambda x: BATCH_NORM.train()(x), {"x": nx.ones(2, 2, 1, 1)}
        ),
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_by_name(what: str, tmp_path: Path) -> None:
    kind, message, call = REFUSED[what]
    with pytest.raises(kind, match=message):
        call(tmp_path / "made")
    assert not list(tmp_path.iterdir())


class _Entry:
    """An entry point whose module cannot be imported."""

    def __init__(self, name: str, owner: str) -> None:
        self.name = name
        self.dist = type("Distribution", (), {"name": owner})

    def load(self) -> Any:
        raise ImportError("No module named 'wood'", name="wood")


def test_a_target_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    one = {"pulp": [_Entry("pulp", "paper-mill")]}
    monkeypatch.setattr(targets, "installed", lambda: one)
    with pytest.raises(MissingPackageError, match=r"'pulp' needs .* wood: reinstall"):
        targets.exporter_of("pulp")
    with pytest.raises(InvalidArgumentError, match=r"for 'onnx': pip install .*onnx"):
        targets.exporter_of("onnx")
    two = {"pulp": [*one["pulp"], _Entry("pulp", "other-mill")]}
    monkeypatch.setattr(targets, "installed", lambda: two)
    with pytest.raises(ExportError, match="other-mill and paper-mill both write"):
        targets.exporter_of("pulp")
