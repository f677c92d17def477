"""Artefacts for the web on values unlike the examples: inputs named as weights are,
and floor division of integers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from web_runner import run_node

import neurenix as nx
from neurenix import nn
from neurenix.dtypes import Dtype

RUN = """
async function main(folder, inputs) {
  const { load } = await import(folder + "/neurenix.js");
  const model = await load("file://" + folder);
  return [...(await model.run("run", inputs)).output];
}
"""


def test_an_input_named_as_a_weight_that_is_read(tmp_path: Path) -> None:
    linear = nn.Linear(2, 2, bias=False)

    def blend(weight: Any, x: Any) -> Any:
        return nn.functional_call(linear, {"weight": weight}, x)[0] - linear(x)

    given = {"weight": linear.weight.numpy(), "x": nx.ones(1, 2)}
    nx.export(blend, given, tmp_path / "model", "web")
    inputs = {"weight": [0.0] * 4, "x": [3.0, 4.0]}
    found = run_node(RUN, str(tmp_path / "model"), inputs)
    wanted = -linear(nx.tensor([inputs["x"]])).numpy()[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


@pytest.mark.parametrize("dtype", [nx.int32, nx.uint32, nx.uint8], ids=lambda d: d.name)
def test_floor_division_of_integers(dtype: Dtype, tmp_path: Path) -> None:
    low, high = int(np.iinfo(dtype.numpy).min), int(np.iinfo(dtype.numpy).max)
    a = [low, low, high, 7, low, 0, high, 200, 96, 97]
    b = [high, 3, 2, 0, 0, 0, high, 7, 12, 12]
    if low:
        a, b = [*a, low, -7, 7, -96], [*b, -1, 2, -2, 12]
    one = nx.ones(len(a)).to(dtype)
    nx.export(lambda a, b: a // b, (one, one), tmp_path / "model", "web")
    found = run_node(RUN, str(tmp_path / "model"), {"a": a, "b": b})
    wanted = nx.tensor(a, dtype=dtype) // nx.tensor(b, dtype=dtype)
    assert found == wanted.tolist()
