"""Artefacts in Chromium, whose WebGPU is computed in software: there and on the CPU
they give what the device here gives, under a strict policy, with a silent console."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import web_examples as examples
from web_runner import chromium, in_page, messages, served

import neurenix as nx

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as driver:
        yield driver


def _open(browser: Any, address: str) -> None:
    browser.get(address)
    in_page(
        browser, "while (!window.load) await new Promise((go) => setTimeout(go, 10));"
    )


# What adaptation gives is handed to the prediction as it is, or stays on the device.
ADAPT_AND_PREDICT = """
const [device, { query_x, ...support }] = given;
const model = await load("./", { device });
const predicted = async (adapted) => {
  const named = Object.entries(adapted).map(([name, x]) => ["adapted." + name, x]);
  return model.run("predict", { ...Object.fromEntries(named), query_x });
};
const { scores } = await predicted(await model.run("adapt", support));
const kept = await model.run("adapt", support, { keep: true });
const from_kept = (await predicted(kept)).scores;
const [first] = Object.values(kept), read = await first.read();
for (const one of Object.values(kept)) one.dispose();
const error = await model.check();
return { device: model.device, reason: model.reason, error, shape: scores.shape,
  scores: [...scores], same: from_kept.every((x, k) => x === scores[k]),
  read: read.length === first.shape.reduce((n, m) => n * m, 1) };
"""


@pytest.mark.parametrize(
    "make", [examples.prototypical, examples.maml, examples.convolutional_maml]
)
def test_adaptation_and_prediction(browser: Any, tmp_path: Path, make: Any) -> None:
    path, functions = examples.exported(tmp_path / "model", make)
    given = examples.task(3)
    wanted = examples.expected(functions, given)
    with served(path) as address:
        _open(browser, address)
        for device in ("webgpu", "cpu"):
            found = in_page(browser, ADAPT_AND_PREDICT, device, examples.plain(given))
            assert (found["device"], found["reason"]) == (device, None)
            assert found["error"] < 1e-4
            assert found["same"] and found["read"]
            scores = np.reshape(found["scores"], found["shape"])
            assert scores.shape == wanted.shape
            assert np.allclose(scores, wanted, atol=1e-4), device
        assert messages(browser) == []


EVERY_DTYPE = """
const model = await load("./", { device: "webgpu" });
const results = await model.run(given[0]);
return Object.fromEntries(Object.entries(results).map(([name, x]) => [name, [...x]]));
"""


def test_every_dtype(browser: Any, tmp_path: Path) -> None:
    given, wanted = examples.dtypes(tmp_path / "model")
    with served(tmp_path / "model") as address:
        _open(browser, address)
        found = in_page(browser, EVERY_DTYPE, given)
        assert messages(browser) == []
    for name, result in found.items():
        assert np.allclose(result, wanted[name]), name


META_STEPS = """
const [batches] = given, losses = [];
const model = await load("./", { device: "webgpu" });
for (const batch of batches) losses.push((await model.run(batch)).loss[0]);
return losses;
"""


def test_steps_of_meta_training_keep_their_state(browser: Any, tmp_path: Path) -> None:
    step, batch = examples.meta_step()
    nx.export(step, batch, tmp_path / "step", "web")
    names = ("support_x", "support_y", "query_x", "query_y")
    batches = [examples.meta_batch(seed) for seed in range(3)]
    losses = [float(step(*map(nx.tensor, b))["loss"]) for b in batches]
    given = [examples.plain(dict(zip(names, b, strict=True))) for b in batches]
    with served(tmp_path / "step") as address:
        _open(browser, address)
        found = in_page(browser, META_STEPS, given)
        assert messages(browser) == []
    assert np.allclose(found, losses, atol=1e-4)


LOST = """
const [x] = given, inputs = { x };
const fixed = await load("./", { device: "webgpu" });
const loose = await load("./");
const before = [...(await loose.run(inputs)).output];
const ended = [];
for (const model of [fixed, loose]) {
  const run = model.run(inputs);
  model.executor.gpu.destroy(); // in the middle
  await run.then(() => ended.push("done"), (error) => ended.push(error.message));
}
return { ended, before, after: [...(await loose.run(inputs)).output],
  device: loose.device, reason: loose.reason };
"""


def _linear(folder: Path) -> Path:
    nx.manual_seed(0)
    nx.export(nx.nn.Linear(3, 2), (nx.ones(4, 3),), folder / "model", "web")
    return folder / "model"


def test_a_lost_device_is_said_and_replaced(browser: Any, tmp_path: Path) -> None:
    """An error that says so; with "auto" the CPU goes on, and the console says why."""
    with served(_linear(tmp_path)) as address:
        _open(browser, address)
        found = in_page(browser, LOST, list(range(12)))
        said = messages(browser)
    assert found["ended"][0].startswith("the WebGPU device was lost:")
    assert found["ended"][1] == "done"
    assert found["device"] == "cpu"
    assert found["reason"].startswith("the WebGPU device was lost:")
    assert np.allclose(found["before"], found["after"], atol=1e-6)
    assert len(said) == 1 and "computes on the CPU" in said[0]


DISPOSED = """
const [x] = given, inputs = { x };
const say = (run) => run.then(() => "no error", (error) => error.message);
const model = await load("./");
const { output } = await model.run(inputs, { keep: true });
const before = await say(output.read());
output.dispose();
output.dispose();
const after = await say(output.read());
const run = say(model.run(inputs));
model.dispose();
model.dispose();
return [before, after, await run, await say(model.run(inputs)), model.device];
"""


def test_what_was_disposed_of_says_so(browser: Any, tmp_path: Path) -> None:
    """A handle; and a model while it runs, which the CPU does not go on with."""
    with served(_linear(tmp_path)) as address:
        _open(browser, address)
        found = in_page(browser, DISPOSED, list(range(12)))
        assert messages(browser) == []
    handle, model = "the kept output was disposed of", "the model was disposed of"
    assert found == ["no error", handle, model, model, "webgpu"]


EMPTY = """
const results = [];
for (const device of ["webgpu", "cpu"]) {
  const model = await load("./", { device });
  const { none } = await model.run({ x: [1, 2, 3], y: [], z: [7] }, { keep: ["none"] });
  const { sum } = await model.run({ x: [1, 2, 3], y: none, z: [7] });
  results.push([[...await none.read()], [...sum]]);
}
return results;
"""


def test_a_kept_output_without_elements(browser: Any, tmp_path: Path) -> None:
    """It takes nobody's place: x and z lie around it."""

    def cut(x: nx.Tensor, y: nx.Tensor, z: nx.Tensor) -> dict[str, nx.Tensor]:
        return {"none": x[:0], "sum": x.sum() + y.sum() + z}

    given = {"x": nx.ones(3), "y": nx.zeros(0), "z": nx.ones(1)}
    nx.export(cut, given, tmp_path / "model", "web")
    with served(tmp_path / "model") as address:
        _open(browser, address)
        assert in_page(browser, EMPTY) == [[[], [13]], [[], [13]]]
        assert messages(browser) == []


# Once loaded, results get buffers that are none: too large, or, as the device says, for
# want of memory. What could not be made must not come as zeros, nor be waited for.
REFUSING = """
const [why, x] = given, model = await load("./", { device: "webgpu" });
const right = [...(await model.run({ x })).output];
const { createBuffer, popErrorScope } = GPUDevice.prototype;
const refuse = {
  invalid() {
    GPUDevice.prototype.createBuffer = function (given) {
      return createBuffer.call(this, { ...given, size: 2 ** 50 });
    };
  },
  memory() {
    GPUDevice.prototype.popErrorScope = async function () {
      return await popErrorScope.call(this) ?? new GPUOutOfMemoryError("no room");
    };
  },
};
const ended = [];
refuse[why]();
for (const keep of [[], true]) {
  await model.run({ x }, { keep }).then(
    (found) => ended.push([...found.output]), (error) => ended.push(error.message));
}
Object.assign(GPUDevice.prototype, { createBuffer, popErrorScope });
return [ended, right, [...(await model.run({ x })).output]];
"""


@pytest.mark.parametrize(
    ("why", "said"), [("invalid", "WebGPU: Buffer size"), ("memory", "WebGPU: no room")]
)
def test_what_the_device_refuses_in_a_call_is_an_error(
    browser: Any, tmp_path: Path, why: str, said: str
) -> None:
    with served(_linear(tmp_path)) as address:
        _open(browser, address)
        ended, before, after = in_page(browser, REFUSING, why, list(range(12)))
        messages(browser)
    assert [message[: len(said)] for message in ended] == [said, said]
    assert before == after


# A device as some have it: with small limits, or one that computes 0, or unnamed.
LIMITED = """
const { get } = Object.getOwnPropertyDescriptor(GPUAdapter.prototype, "limits");
Object.defineProperty(GPUAdapter.prototype, "limits", { get() {
  return { ...get.call(this), maxStorageBufferBindingSize: 256, maxBufferSize: 1e9 };
} });
"""
WRONG = """
const make = GPUDevice.prototype.createShaderModule;
GPUDevice.prototype.createShaderModule = function ({ code }) {
  return make.call(this, { code: code.replace("page0[at] = word;", "") });
};
"""
UNNAMED = """
Object.defineProperty(GPUAdapter.prototype, "info", { value: undefined });
const model = await load("./");
return [model.device, model.deviceName];
"""


def test_an_adapter_without_info_computes(browser: Any, tmp_path: Path) -> None:
    with served(_linear(tmp_path)) as address:
        _open(browser, address)
        assert in_page(browser, UNNAMED) == ["webgpu", "a GPU"]
        assert messages(browser) == []


FALLS_BACK = """
const fixed = await load("./", { device: "webgpu" }).then(() => "", (e) => e.message);
const loose = await load("./");
return [fixed, loose.device, loose.reason, await loose.check()];
"""


@pytest.mark.parametrize(
    ("device", "said"),
    [
        (LIMITED, "in one buffer, and google swiftshader allows 0.000256 MB: export"),
        (WRONG, "errs by"),
        ("Object.defineProperty(navigator, 'gpu', {});", "there is no WebGPU here"),
    ],
    ids=["limits too small", "wrong results", "no WebGPU"],
)
def test_falls_back(browser: Any, tmp_path: Path, device: str, said: str) -> None:
    with served(_linear(tmp_path)) as address:
        _open(browser, address)
        refused, now, reason, error = in_page(browser, device + FALLS_BACK)
        logged = messages(browser)
    assert said in refused and said in reason
    assert now == "cpu" and error < 1e-6
    assert len(logged) == (0 if "no WebGPU" in said else 1), logged
