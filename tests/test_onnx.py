"""ONNX models against the devices here: each primitive, each method, whole steps."""

import importlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import meta, nn, optim
from neurenix.dtypes import Dtype, as_dtype
from neurenix.errors import ExportError, InvalidArgumentError, StorageError
from neurenix.exporting.export import exported
from neurenix.primitives import all_primitives, ops
from neurenix.testing import CASES, Case
from neurenix.testing.checks import relative_error

onnx = pytest.importorskip("onnx", reason="needs the extra [onnx]")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra [onnx]")

# What differs from the tolerance of its cases, which is that of a device.
TOLERANCE: dict[str, float] = {}

# What is refused: by its name or by a dtype, with the reason.
REFUSED = {
    "float64": "is float64, and models",
    "bitcast": "no node that reads the bits of float32 as uint32",
}


def sessions(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"]
    )


def run(path: Path, **inputs: Any) -> dict[str, Any]:
    session = sessions(path)
    given = {name: np.asarray(x) for name, x in inputs.items()}
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, given), strict=True))


def _state(outputs: dict[str, Any]) -> dict[str, Any]:
    """What the next call starts from."""
    return {n.removesuffix(".next"): v for n, v in outputs.items() if ".next" in n}


# ---- primitives ----------------------------------------------------------------------


def _tensors(case: Case, dtype: Dtype) -> list[nx.Tensor]:
    seed = sum(map(ord, str(case)))
    arrays = case.inputs(np.random.default_rng(seed), dtype)
    return [nx.tensor(a, dtype=as_dtype(a.dtype)) for a in arrays]


def _is_refused(case: Case, dtype: Dtype) -> str | None:
    target = case.params.get("dtype")
    if dtype is nx.float64 or target is nx.float64:
        return REFUSED["float64"]
    if case.primitive == "bitcast" and dtype.is_floating:
        return REFUSED["bitcast"]
    return None


BY_PRIMITIVE = {
    name: [c for c in CASES if c.primitive == name]
    for name in dict.fromkeys(c.primitive for c in CASES)
}


@pytest.fixture
def reference() -> Any:
    nx.init({"device": "reference"})
    yield
    nx.init()


@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize("name", BY_PRIMITIVE)
def test_primitive(name: str) -> None:
    """Each case through onnxruntime gives what the reference device gives."""
    from neurenix.exporting.onnx.check import run as run_model
    from neurenix.exporting.onnx.model import model_of

    primitive = getattr(ops, name)

    def call(*xs: nx.Tensor) -> Any:
        return primitive(*xs, **case.params)

    for case in BY_PRIMITIVE[name]:
        for dtype in case.dtypes:
            entry = exported(call, _tensors(case, dtype)).entry_points[0]
            why = _is_refused(case, dtype)
            if why is not None:
                with pytest.raises(ExportError, match=why):
                    model_of(entry, {})
                continue
            model = model_of(entry, {})
            onnx.checker.check_model(model, full_check=True)
            names = [port.name for port in entry.inputs]
            inputs = dict(zip(names, entry.example_inputs, strict=True))
            found = run_model(model.SerializeToString(), inputs)
            for a, b in zip(found, entry.example_outputs, strict=True):
                assert a.dtype == b.dtype, str(case)
                error = relative_error(a, b)
                bound = TOLERANCE.get(name, case.tolerance)
                assert error <= bound, f"{case} in {dtype.name}: {error}"


def test_every_primitive_has_a_case_or_disappears() -> None:
    settled = {"call", "map", "scan", "barrier", "stop_gradient", "fused", "constant"}
    assert {p.name for p in all_primitives()} == settled | set(BY_PRIMITIVE)


SPECIAL = np.array(
    [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5, -2.5, 2.5, 1e-40, 3e38], np.float32
)
OF_SPECIAL: dict[str, Any] = {
    "sign": nx.sign,
    "round": nx.round,
    "floor": nx.floor,
    "isfinite": nx.isfinite,
    "to int32": lambda x: x.to(nx.int32),
    "to uint8": lambda x: x.to(nx.uint8),
    "to bool": lambda x: x.to(nx.bool),
    "max": lambda x: nx.max(x.reshape(2, 5), axis=1),
    "min": lambda x: nx.min(x.reshape(2, 5), axis=1),
    "argmax": lambda x: nx.argmax(x.reshape(2, 5), axis=1),
    "argmax of infinities": lambda x: nx.argmax(x[1:]),
    "maximum": lambda x: nx.maximum(x[:, None], x[None, :]),
    "minimum": lambda x: nx.minimum(x[:, None], x[None, :]),
    "less": lambda x: x[:, None] < x[None, :],
    "remainder": lambda x: nx.remainder(x[3:, None], x[None, 5:8]),
    "sort": lambda x: nx.sort(x)[0],
    "sqrt": nx.sqrt,
    "relu": nx.relu,
    "softmax": lambda x: nx.softmax(x[3:9]),
}


@pytest.mark.parametrize("name", OF_SPECIAL)
def test_nan_infinities_and_halves(name: str, tmp_path: Path) -> None:
    """Exporting compares them with the device here, NaN for NaN."""
    nx.export(OF_SPECIAL[name], {"x": SPECIAL}, tmp_path / "f.onnx", target="onnx")


def test_integers_wrap_and_divide_by_zero_gives_zero(tmp_path: Path) -> None:
    def f(a: nx.Tensor, b: nx.Tensor, c: nx.Tensor) -> Any:
        return a * a, nx.remainder(a, b), c * c + c, c >> 3, c << 30, a >> 1

    a = np.array([-(2**31), 2**31 - 1, -7, 7], np.int32)
    b = np.array([-1, 0, 3, -3], np.int32)
    c = nx.tensor(np.array([2**32 - 1, 5, 0, 2**31]), dtype=nx.uint32)
    path = tmp_path / "f.onnx"
    nx.export(f, {"a": a, "b": b, "c": c}, path, target="onnx")


def test_many_updates_of_one_place(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = np.zeros((7, 33), np.float32)
    index = rng.integers(0, 7, 5000).astype(np.int32)
    updates = rng.normal(size=(5000, 33)).astype(np.float32)
    path = tmp_path / "f.onnx"
    given = {"x": x, "index": index, "updates": updates}
    nx.export(nx.index_add, given, path, target="onnx")
    expected = x.copy()
    np.add.at(expected, index, updates)
    np.testing.assert_allclose(run(path, **given)["output"], expected, atol=1e-3)


# ---- whole functions -----------------------------------------------------------------


def test_what_a_model_says_of_itself(tmp_path: Path) -> None:
    model, path = nn.Linear(3, 2), tmp_path / "model.onnx"
    nx.export(model, {"x": nx.ones(4, 3)}, path, target="onnx")
    session = sessions(path)
    assert [(i.name, i.shape) for i in session.get_inputs()] == [("x", [4, 3])]
    assert [(o.name, o.shape) for o in session.get_outputs()] == [("output", [4, 2])]
    held = onnx.load(path)
    assert [(o.domain, o.version) for o in held.opset_import] == [("", 18)]
    about = {p.key: p.value for p in held.metadata_props}
    assert json.loads(about["neurenix"]) == {"entry_point": "run", "state": {}}
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    np.testing.assert_allclose(
        run(path, x=x)["output"], model(nx.tensor(x)).numpy(), rtol=1e-5, atol=1e-6
    )
    with pytest.raises(Exception, match="Got invalid dimensions for input: x"):
        run(path, x=np.ones((5, 3), np.float32))


def test_a_name_that_goes_in_and_out_comes_out_as_next(tmp_path: Path) -> None:
    path = tmp_path / "f.onnx"
    nx.export(lambda w: {"w": w * 2}, {"w": nx.ones(2)}, path, target="onnx")
    assert run(path, w=np.ones(2, np.float32))["w.next"].tolist() == [2.0, 2.0]


def test_what_is_there_stays_where_an_export_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.onnx"
    path.write_bytes(b"before")
    with pytest.raises(ExportError, match=r"cast at test_onnx\.py:\d+: a value is"):
        nx.export(lambda x: x.to(nx.float64), {"x": nx.ones(2)}, path, target="onnx")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_several_functions_are_replaced_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The models of before stay until all new ones are there; then they are gone."""
    path, given = tmp_path / "both", {"x": nx.ones(2)}

    def export(**functions: Any) -> None:
        nx.export(functions, dict.fromkeys(functions, given), path, target="onnx")

    export(adapt=nx.exp, predict=nx.sin)
    before = {p.name: p.read_bytes() for p in path.iterdir()}
    assert sorted(before) == ["adapt.onnx", "predict.onnx"]
    write = Path.write_bytes

    def full(self: Path, content: bytes) -> int:
        if self.name == "predict.onnx":
            raise OSError("no space left")
        return write(self, content)

    with monkeypatch.context() as patch, pytest.raises(StorageError, match="no space"):
        patch.setattr(Path, "write_bytes", full)
        export(adapt=nx.cos, predict=nx.tanh)
    assert {p.name: p.read_bytes() for p in path.iterdir()} == before
    export(adapt=nx.cos, answer=nx.tanh)
    assert sorted(p.name for p in path.iterdir()) == ["adapt.onnx", "answer.onnx"]
    assert [p.name for p in tmp_path.iterdir()] == ["both"]
    for name in ("notes.txt", "other.onnx"):
        (path / name).write_text("mine")
        with pytest.raises(StorageError, match=f"no part of one: {name}; move it"):
            export(adapt=nx.exp, predict=nx.sin)
        assert sorted(p.name for p in path.iterdir())[:2] == [
            "adapt.onnx",
            "answer.onnx",
        ]
        (path / name).unlink()


@pytest.mark.parametrize("most", [700, 200])
def test_more_than_a_file_holds_is_refused_with_the_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """By its weights alone, or with its nodes: here of 600 bytes."""
    write = importlib.import_module("neurenix.exporting.onnx.write")
    monkeypatch.setattr(write, "MOST_BYTES", most)
    said = r"run would be a model of .* GB of it weights.*; give the weights as an inp"
    with pytest.raises(ExportError, match=said):
        nx.export(nn.Linear(24, 6), (nx.ones(1, 24),), tmp_path / "f.onnx", "onnx")
    assert not list(tmp_path.iterdir())


def test_what_differs_is_refused_with_usual_causes() -> None:
    from neurenix.exporting.onnx.check import check
    from neurenix.exporting.onnx.model import model_of

    entry = exported(lambda x: x * 2, {"x": nx.ones(2)}).entry_points[0]
    model = model_of(entry, {}).SerializeToString()
    check(entry, model, "cpu")
    other = replace(entry, example_outputs=(np.full(2, 2.1, np.float32),))
    with pytest.raises(ExportError, match=r"'output' another .* differ.*bias=False"):
        check(other, model, "cpu")


def test_random_numbers_are_the_same_as_here(tmp_path: Path) -> None:
    """Dropout in a training mode: the generator's step is state, the bits are ours."""
    drop, generator = nn.Dropout(0.5), nx.random.default_generator
    compiled = nx.compile(lambda x: drop(x), state=[drop, generator])
    path = tmp_path / "f.onnx"
    nx.export(compiled, {"x": nx.ones(50)}, path, target="onnx")
    first = run(path, x=np.ones(50, np.float32))
    np.testing.assert_array_equal(first["output"], compiled(nx.ones(50)).numpy())
    second = run(path, x=np.ones(50, np.float32), **_state(first))
    np.testing.assert_array_equal(second["output"], compiled(nx.ones(50)).numpy())


# ---- learners ------------------------------------------------------------------------

INPUTS, WAYS = 6, 3


def _network() -> nn.Module:
    return meta.MLP([INPUTS, 8, WAYS], activation=nn.Tanh)


def _embedding() -> nn.Module:
    return meta.MLP([INPUTS, 8, 4], activation=nn.Tanh)


METHODS: dict[str, Any] = {
    "MAML": lambda: meta.MAML(_network(), 0.1, inner_steps=5),
    "FOMAML": lambda: meta.FOMAML(_network(), 0.1, inner_steps=2),
    "Reptile": lambda: meta.Reptile(_network(), 0.1, inner_steps=3),
    "Reptile, Adam": lambda: meta.Reptile(
        _network(), 0.1, inner_steps=3, inner_optimizer="adam"
    ),
    "ANIL": lambda: meta.ANIL(_network(), 0.1, inner_steps=2),
    "BOIL": lambda: meta.BOIL(_network(), 0.1, inner_steps=2),
    "MetaSGD": lambda: meta.MetaSGD(_network(), 0.1, inner_steps=2),
    "MAMLPlusPlus": lambda: meta.MAMLPlusPlus(_network(), 0.1, inner_steps=2),
    "IMAML": lambda: meta.IMAML(_network(), 0.05, inner_steps=3, solver_steps=2),
    "ProtoMAML": lambda: meta.ProtoMAML(_embedding(), 0.1, inner_steps=2),
    "PrototypicalNetworks": lambda: meta.PrototypicalNetworks(_embedding()),
    "MatchingNetworks": lambda: meta.MatchingNetworks(_embedding()),
    "R2D2": lambda: meta.R2D2(_embedding()),
    "ConditionalNeuralProcess": lambda: meta.ConditionalNeuralProcess(
        meta.MLP([2, 8, 5], activation=nn.Tanh), meta.MLP([6, 8, 2], activation=nn.Tanh)
    ),
}


def _task(name: str) -> tuple[int | None, list[Any]]:
    if name == "ConditionalNeuralProcess":
        task = meta.generate_regression_tasks(2, 5, seed=1)[1]
        return None, [np.asarray(x, np.float32) for x in task[:3]]
    task = meta.generate_classification_tasks(2, WAYS, 3, INPUTS, seed=1)[1]
    x, y, query = (np.asarray(part) for part in task[:3])
    labels = y.argmax(1).astype(np.int32)
    return WAYS, [x.astype(np.float32), labels, query.astype(np.float32)]


def test_every_method_is_there() -> None:
    ours = {
        n
        for n, c in vars(meta).items()
        if isinstance(c, type) and issubclass(c, meta.MetaLearner)
    }
    assert ours - {"MetaLearner"} == {n.partition(",")[0] for n in METHODS}


@pytest.mark.parametrize("name", METHODS)
def test_adaptation_and_prediction_of_a_method(name: str, tmp_path: Path) -> None:
    """In one model and in two, equal to `adapt_to_task` within 1e-4."""
    nx.manual_seed(0)
    learner = METHODS[name]()
    if name != "ConditionalNeuralProcess":
        learner.meta_learn(
            meta.generate_classification_tasks(2, WAYS, 3, INPUTS, seed=0),
            tasks_per_batch=2,
            progress=False,
        )
    ways, (x, y, query) = _task(name)
    function = learner.as_function(ways)
    expected = learner.adapt_to_task(x, y)(query)
    outputs = {"scores": expected}
    if isinstance(expected, tuple):
        outputs = dict(zip(("mean", "deviation"), expected, strict=True))

    path = tmp_path / "both.onnx"
    given = {"support_x": x, "support_y": y, "query_x": query}
    nx.export(function, given, path, target="onnx")
    found = run(path, **given)
    _check_equal(found, outputs)

    adapted = function.adapt(nx.tensor(x), nx.tensor(y))
    nx.export(
        {"adapt": function.adapt, "predict": function.predict},
        {"adapt": (x, y), "predict": (adapted, query)},
        tmp_path / "two",
        target="onnx",
    )
    made = run(tmp_path / "two/adapt.onnx", support_x=x, support_y=y)
    session = sessions(tmp_path / "two/predict.onnx")
    wanted = {i.name for i in session.get_inputs()}
    values = {f"adapted.{n}": v for n, v in made.items()}
    assert wanted <= {*values, "query_x"}
    again = run(
        tmp_path / "two/predict.onnx",
        query_x=query,
        **{n: v for n, v in values.items() if n in wanted},
    )
    _check_equal(again, outputs)


def _check_equal(found: dict[str, Any], expected: dict[str, nx.Tensor]) -> None:
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value.numpy(), rtol=1e-4, atol=1e-4)


def _images(*shape: int) -> Any:
    noise = np.random.default_rng(0).random((*shape, 1, 28, 28))
    return (noise > 0.7).astype(np.float32)


@pytest.mark.parametrize("batch_norm", ["transductive", "support", "running"])
def test_maml_on_images_with_its_batch_norm(batch_norm: str, tmp_path: Path) -> None:
    transductive = batch_norm == "transductive"
    nx.manual_seed(0)
    network = meta.Conv4(1, 4, ways=3, image_size=28, batch_norm=batch_norm)
    learner = meta.MAML(network, inner_lr=0.1, inner_steps=2)
    x, query, y = _images(3), _images(2), np.arange(3, dtype=np.int32)
    given = {"support_x": x, "support_y": y, "query_x": query}
    path = tmp_path / "maml.onnx"
    function = learner.as_function(3, transductive=transductive)
    nx.export(function, given, path, target="onnx")
    expected = learner.adapt_to_task(x, y)(query).numpy()
    np.testing.assert_allclose(run(path, **given)["scores"], expected, atol=1e-4)


def test_a_query_is_normalised_with_the_support_set(tmp_path: Path) -> None:
    """So as in `Classifier`, in one model and in two: alone, and beside another."""
    nx.manual_seed(0)
    network = meta.Conv4(1, 4, ways=3, image_size=28, batch_norm="transductive")
    learner = meta.MAML(network, inner_lr=0.1, inner_steps=2)
    x, queries, y = _images(3), _images(5)[3:], np.arange(3, dtype=np.int32)
    classifier = meta.Classifier(learner)
    classifier.fit(list(x), ["0", "1", "2"])
    expected = np.asarray(classifier.logits(list(queries)))
    function = learner.as_function(3)
    adapted = function.adapt(nx.tensor(x), nx.tensor(y))
    np.testing.assert_allclose(
        function.predict(adapted, nx.tensor(queries))["scores"], expected, atol=1e-4
    )
    for number, query in enumerate(queries):
        given = {"support_x": x, "support_y": y, "query_x": query[None]}
        path = tmp_path / "one.onnx"
        nx.export(function, given, path, target="onnx")
        found = run(path, **given)["scores"][0]
        np.testing.assert_allclose(found, expected[number], atol=1e-4)


def test_transductive_is_refused_where_nothing_is() -> None:
    with pytest.raises(InvalidArgumentError, match="no prediction of this network"):
        METHODS["MAML"]().as_function(3, transductive=True)


@pytest.mark.parametrize("first_order", [False, True])
def test_a_whole_meta_training_step(first_order: bool, tmp_path: Path) -> None:
    """Two tasks, two inner steps, the gradient through them, Adam: three steps in the
    runtime are three steps here."""
    nx.manual_seed(0)
    network = meta.Conv4(1, 4, ways=3, image_size=28, batch_norm="transductive")
    learner = meta.MAML(network, 0.1, first_order=first_order, inner_steps=2)
    optimizer = optim.Adam(learner.parameters(), lr=1e-3)
    names = [name for name, _ in learner.named_parameters()]

    def step(
        support_x: nx.Tensor,
        support_y: nx.Tensor,
        query_x: nx.Tensor,
        query_y: nx.Tensor,
    ) -> dict[str, nx.Tensor]:
        def one(*task: nx.Tensor) -> Any:
            episode = meta.Episode(*task, ways=3)
            outcome, gradient = learner.task_gradient(learner.learned(), episode)
            return outcome.loss, gradient

        with nx.no_grad():
            loss, gradient = nx.map(one, reduce="mean")(
                support_x, support_y, query_x, query_y
            )
            optimizer.step([gradient[name] for name in names])
        return {"loss": loss}

    compiled = nx.compile(step, state=[learner, optimizer])
    labels = np.stack([np.arange(3, dtype=np.int32)] * 2)
    tasks = {
        "support_x": _images(2, 3),
        "support_y": labels,
        "query_x": _images(2, 3)[:, ::-1].copy(),
        "query_y": labels[:, ::-1].copy(),
    }
    path = tmp_path / "step.onnx"
    nx.export(compiled, tasks, path, target="onnx")
    state: dict[str, Any] = {}
    for _ in range(3):
        found = run(path, **tasks, **state)
        state = _state(found)
        here = compiled(**{n: nx.tensor(v) for n, v in tasks.items()})
        np.testing.assert_allclose(found["loss"], here["loss"].item(), rtol=1e-4)
