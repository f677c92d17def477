"""Backbones of other libraries: ONNX's runtime, whose features make a classifier."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import NAMES, PREPROCESS, arrays, folder_of, network

import neurenix as nx
from neurenix.errors import InvalidArgumentError
from neurenix.meta import Classifier, load
from neurenix.meta.sklearn import FewShotClassifier

onnx = pytest.importorskip("onnx", reason="onnx writes the backbone")
onnxruntime = pytest.importorskip("onnxruntime", reason="it runs the backbone")


@pytest.fixture(scope="module")
def embedding():
    """Conv-4 with weights and statistics that are not those of its start."""
    model = network()
    rng = np.random.default_rng(0)
    for name, cell in model.named_cells().items():
        if "running" in name:
            cell.assign(nx.tensor(rng.uniform(0.5, 1.5, cell.shape), dtype=cell.dtype))
    return model.eval()


@pytest.fixture(scope="module")
def session(embedding, tmp_path_factory):
    """The same network as another program would have written it: any batch, by name."""
    weights = {n: c.value().numpy() for n, c in embedding.named_cells().items()}
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes, last = [], "image"
    for i in range(4):
        of = f"blocks.{i}"
        norm = [
            f"{of}.1.{n}" for n in ("weight", "bias", "running_mean", "running_var")
        ]
        nodes += [
            helper.make_node(
                "Conv", [last, f"{of}.0.weight"], [f"c{i}"], pads=[1, 1, 1, 1]
            ),
            helper.make_node("BatchNormalization", [f"c{i}", *norm], [f"n{i}"]),
            helper.make_node("Relu", [f"n{i}"], [f"r{i}"]),
            helper.make_node(
                "MaxPool", [f"r{i}"], [f"p{i}"], kernel_shape=[2, 2], strides=[2, 2]
            ),
        ]
        last = f"p{i}"
    nodes.append(helper.make_node("Flatten", [last], ["features"]))
    graph = helper.make_graph(
        nodes,
        "backbone",
        [helper.make_tensor_value_info("image", kind, ["n", 1, 28, 28])],
        [helper.make_tensor_value_info("features", kind, ["n", 8])],
        [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    path = tmp_path_factory.mktemp("onnx") / "backbone.onnx"
    onnx.save(model, path)
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"centre": "support", "normalize": True},
        {"head": "ridge", "normalize": True},
        {"centre": "transductive", "normalize": True, "metric": "cosine"},
    ],
)
def test_the_same_weights_elsewhere_give_the_same_classifier(
    embedding, session, settings, tmp_path
):
    def backbone(x):
        return session.run(None, {"image": x})[0]

    folder = folder_of(tmp_path / "known")
    ours = Classifier(embedding, PREPROCESS, **settings).fit(folder)
    other = Classifier(backbone, PREPROCESS, **settings).fit(folder)
    new = folder_of(tmp_path / "new", count=2, first=7)
    expected = ours.predict_proba(new)
    assert np.allclose(other.predict_proba(new), expected, atol=1e-3)
    assert other.evaluate(new).accuracy == ours.evaluate(new).accuracy
    other.save(tmp_path / "file")
    again = load(tmp_path / "file", embedding=backbone)
    assert np.array_equal(again.predict(new), other.predict(new))
    for wrong, text in (
        (lambda x: backbone(x)[:, :7], "8 numbers then, 7 now"),
        (lambda x: backbone(x) + 1.0, "of other values"),
    ):
        with pytest.raises(InvalidArgumentError, match=text):
            load(tmp_path / "file", embedding=wrong)


def test_as_an_estimator(embedding, session):
    x = np.concatenate([*arrays().values()])
    y = np.repeat(NAMES, 3)
    few = FewShotClassifier(lambda z: session.run(None, {"image": z})[0])
    own = FewShotClassifier(embedding).fit(x, y)
    assert np.allclose(few.fit(x, y).predict_proba(x), own.predict_proba(x), atol=1e-3)
