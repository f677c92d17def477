"""Floor division of integers as an ONNX model, on values unlike the examples."""

from pathlib import Path

import numpy as np
import pytest

import neurenix as nx
from neurenix.dtypes import Dtype

pytest.importorskip("onnx", reason="needs the extra [onnx]")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra [onnx]")


@pytest.mark.parametrize("dtype", [nx.int32, nx.uint32, nx.uint8], ids=lambda d: d.name)
def test_floor_division_as_here(dtype: Dtype, tmp_path: Path) -> None:
    kind = np.dtype(dtype.numpy)
    ends = np.iinfo(kind)
    rng = np.random.default_rng(0)
    a = rng.integers(ends.min, ends.max, 500, kind, endpoint=True)
    b = rng.integers(ends.min, ends.max, 500, kind, endpoint=True) >> rng.integers(
        0, 8 * kind.itemsize, 500, kind
    )
    a[:6] = ends.min, ends.min, ends.max, 7, ends.min, 0
    b[:6] = ends.max, 3, 2, 0, 0, 0
    if ends.min:
        a[6:9], b[6:9] = (ends.min, -7, 7), (-1, 2, -2)
    one = nx.ones(500).to(dtype)
    path = tmp_path / "f.onnx"
    nx.export(lambda a, b: (a // b, a // 6), (one, one), path, target="onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.run(None, {"a": a, "b": b})
    here = nx.tensor(a, dtype=dtype), nx.tensor(b, dtype=dtype)
    np.testing.assert_array_equal(found[0], (here[0] // here[1]).numpy())
    np.testing.assert_array_equal(found[1], (here[0] // 6).numpy())
