"""Artefacts for the web in Node: they compute what the device here computes, and refuse
what is wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import web_examples as examples
from web_needs import node
from web_runner import WEB, run_node

import neurenix as nx
from neurenix.dtypes import Dtype
from neurenix.errors import ExportError, StorageError
from neurenix.phynexus.plan.instructions import Dot
from neurenix_backend_webgpu.export import program_json, steps
from neurenix_backend_webgpu.export.declarations import declarations

RUN = """
async function main(folder, calls) {
  const { load } = await import(folder + "/neurenix.js");
  const model = await load("file://" + folder);
  const results = [];
  let last = {};
  for (const [entry, inputs, prefix] of calls) {
    const fed = Object.entries(prefix ? last : {}).map(([k, v]) => [prefix + k, v]);
    last = await model.run(entry, { ...inputs, ...Object.fromEntries(fed) });
    results.push(Object.fromEntries(Object.entries(last).map(
      ([name, x]) => [name, { shape: x.shape, values: [...x] }])));
  }
  return { device: model.device, name: model.deviceName, reason: model.reason,
    error: await model.check(), results };
}
"""


@pytest.mark.parametrize(
    "make", [examples.prototypical, examples.maml, examples.convolutional_maml]
)
def test_adaptation_and_prediction(tmp_path: Path, make: Any) -> None:
    """The results of adapting feed the prediction."""
    path, functions = examples.exported(tmp_path / "model", make)
    given = examples.task(7)
    lists = examples.plain(given)
    query = {"query_x": lists.pop("query_x")}
    calls = [["adapt", lists, ""], ["predict", query, "adapted."]]
    found = run_node(RUN, str(path), calls)
    assert (found["device"], found["name"]) == ("cpu", "JavaScript")
    assert "no WebGPU" in found["reason"]
    assert found["error"] < 1e-5
    scores = found["results"][1]["scores"]
    wanted = examples.expected(functions, given)
    assert scores["shape"] == list(wanted.shape)
    assert np.allclose(np.reshape(scores["values"], wanted.shape), wanted, atol=1e-4)


def test_every_dtype(tmp_path: Path) -> None:
    given, wanted = examples.dtypes(tmp_path / "model")
    found = run_node(RUN, str(tmp_path / "model"), [["run", given, ""]])
    for name, result in found["results"][0].items():
        assert np.allclose(result["values"], wanted[name]), name
    assert found["error"] < 1e-6


@pytest.mark.parametrize("make", [examples.meta_step, examples.pooled_meta_step])
def test_a_step_of_meta_training(tmp_path: Path, make: Any) -> None:
    """State goes on from call to call, and a check leaves it alone."""
    step, batch = make()
    nx.export(step, batch, tmp_path / "step", "web")
    names = ("support_x", "support_y", "query_x", "query_y")
    shape = batch[0].shape[2:]
    batches = [examples.meta_batch(seed, shape) for seed in (0, 1, 2)]
    losses = [float(step(*map(nx.tensor, b))["loss"]) for b in batches]
    calls = [
        ["run", examples.plain(dict(zip(names, b, strict=True))), ""] for b in batches
    ]
    script = RUN.replace("const results", "await model.check(); const results")
    found = run_node(script, str(tmp_path / "step"), calls)
    given = [r["loss"]["values"][0] for r in found["results"]]
    assert np.allclose(given, losses, atol=1e-5), (given, losses)
    assert losses[2] != losses[0]


GUESSES = "--no-experimental-detect-module"  # off: Node goes by package.json alone


@pytest.mark.parametrize("around", ['{"type": "commonjs"}', "{}"])
def test_node_takes_the_runner_for_modules(tmp_path: Path, around: str) -> None:
    """In a folder of CommonJS, and where Node does not guess what a file is."""
    (tmp_path / "package.json").write_text(around)
    for _ in range(2):  # the second replaces what the first wrote
        nx.export(lambda x: x + 1, {"x": nx.zeros(2)}, tmp_path / "model", "web")
    (tmp_path / "use.cjs").write_text(
        "import('./model/neurenix.js').then(({ load }) => load('./model'))"
        ".then((model) => model.run({ x: [0, 1] }))"
        ".then(({ output }) => console.log([...output].join()));"
    )
    knows = subprocess.run(
        [node(), GUESSES, "-e", ""], capture_output=True, check=False
    )
    flags = [] if knows.returncode else [GUESSES]
    done = subprocess.run(
        [node(), *flags, "use.cjs"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("1,2\n", 0), done.stderr


def test_the_export_needs_no_adapter(tmp_path: Path) -> None:
    """Nor wgpu: the lowering imports no GPU library."""
    code = f"""
import sys
sys.modules["wgpu"] = None  # importing it fails
import neurenix as nx
nx.export(nx.nn.Linear(2, 2), (nx.ones(1, 2),), {str(tmp_path / "model")!r}, "web")
"""
    environment = {**os.environ, "NEURENIX_BACKENDS": "cpu"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    program = json.loads((tmp_path / "model" / "program.json").read_text())
    assert program["entries"]["run"]["dispatches"]


def test_the_export_is_the_same_twice(tmp_path: Path) -> None:
    made = []
    for name in ("a", "b"):
        examples.exported(tmp_path / name, examples.prototypical)
        files = sorted(p for p in (tmp_path / name).rglob("*") if p.is_file())
        made.append(
            {str(p.relative_to(tmp_path / name)): p.read_bytes() for p in files}
        )
    assert made[0] == made[1]


def test_the_runner_is_small_and_evaluates_no_text() -> None:
    """All of it, with the types that all artefacts have, is under 25 KB."""
    texts = [p.read_text() for p in Path(WEB).rglob("*.js")]
    sizes = [len(text.encode()) for text in texts]
    assert sum(sizes) + len(declarations(())) < 25_000
    for text in texts:
        assert "eval(" not in text and "Function(" not in text


def test_types_name_inputs_and_outputs(tmp_path: Path) -> None:
    path, _ = examples.exported(tmp_path / "model", examples.prototypical)
    types = (path / "neurenix.d.ts").read_text()
    assert '"support_x": ArrayLike<number>;' in types
    assert f'"scores": Tensor<Float32Array, [4, {examples.WAYS}]>;' in types
    read_me = (path / "README.md").read_text()
    assert "| `adapted.prototypes` | input | float32 |" in read_me


REFUSED = """
async function main(folder, calls) {
  const { load } = await import(folder + "/neurenix.js");
  const model = await load("file://" + folder, { device: "cpu" });
  const messages = [];
  for (const call of calls) {
    await model.run(...call).then(() => messages.push("no error"),
      (error) => messages.push(error.message));
  }
  const say = (error) => messages.push(error.message);
  const right = calls.at(-1)[1];
  const twice = await Promise.all([1, 2].map(() => model.run("predict", right)));
  model.dispose();
  await model.run("predict", right).catch(say);
  await load("file://" + folder, { device: "gpu" }).catch(say);
  await load("file://" + folder, { devcie: "cpu" }).catch(say);
  await load("file://" + folder + "/none").catch(say);
  return [messages, String(twice[0].scores) === String(twice[1].scores)];
}
"""


def test_wrong_calls_are_refused(tmp_path: Path) -> None:
    path, functions = examples.exported(tmp_path / "model", examples.prototypical)
    given = examples.plain(examples.task(0))
    adapted = functions.adapt(
        *(nx.tensor(examples.task(0)[n]) for n in ("support_x", "support_y"))
    )
    right = {
        "adapted.prototypes": adapted["prototypes"].numpy().reshape(-1).tolist(),
        "query_x": given["query_x"],
    }
    calls = [
        ["other", right],
        ["predict", {**right, "query": [1]}],
        ["predict", {"query_x": given["query_x"]}],
        ["predict", {**right, "query_x": [1, 2]}],
        [right],
        ["predict", right],
    ]
    messages, same = run_node(REFUSED, str(path), calls)
    for message, said in zip(
        messages,
        (
            "no entry point other: there are adapt, predict",
            "there is no input query; expected adapted.prototypes: float32[",
            "the input adapted.prototypes is missing; expected",
            "the input query_x has 2 values, or another shape; expected",
            "no entry point [object Object]",
            "no error",
            "the model was disposed of",
            'device: expected "auto", "webgpu" or "cpu", not gpu',
            "load: no option devcie",
            "ENOENT",
        ),
        strict=True,
    ):
        assert said in message
    assert same


KEPT = """
async function main(folder, support) {
  const { load } = await import(folder + "/neurenix.js");
  const [model, other] = await Promise.all(
    [1, 2].map(() => load("file://" + folder, { device: "cpu" })));
  const query_x = new Float32Array(4 * 16 * 16);
  const kept = await model.run("adapt", support, { keep: ["prototypes"] });
  const read = await model.run("adapt", support);
  const given = { "adapted.prototypes": kept.prototypes, query_x };
  const say = (run) => run.then(() => "no error", (error) => error.message);
  return [
    String(await kept.prototypes.read()) === String(read.prototypes),
    await say(model.run("predict", given)),
    await say(model.run("adapt", support, { keep: ["scores"] })),
    await say(model.run("predict", { ...given, query_x: kept.prototypes })),
    await say(other.run("predict", given)),
  ];
}
"""


def test_outputs_are_kept_for_other_entry_points(tmp_path: Path) -> None:
    path, _ = examples.exported(tmp_path / "model", examples.prototypical)
    support = examples.plain(examples.task(0))
    del support["query_x"]
    same, *messages = run_node(KEPT, str(path), support)
    assert same
    for message, said in zip(
        messages,
        (
            "no error",
            "no output scores to keep",
            "the input query_x has other values, or another shape; expected",
            "the input adapted.prototypes was kept by another device",
        ),
        strict=True,
    ):
        assert said in message


DISPOSED = """
async function main(folder, support) {
  const { load } = await import(folder + "/neurenix.js");
  const model = await load("file://" + folder, { device: "cpu" });
  const query_x = new Float32Array(4 * 16 * 16);
  const say = (run) => run.then(() => "no error", (error) => error.message);
  const { prototypes } = await model.run("adapt", support, { keep: true });
  const given = { "adapted.prototypes": prototypes, query_x };
  const before = await say(model.run("predict", given));
  prototypes.dispose();
  prototypes.dispose();
  const ended = [prototypes.read(), model.run("predict", given)];
  const after = await Promise.all(ended.map(say));
  const runs = [1, 2].map(() => say(model.run("adapt", support)));
  model.dispose();
  model.dispose();
  return Promise.all([before, ...after, ...runs, say(model.check())]);
}
"""


def test_what_was_disposed_of_says_so(tmp_path: Path) -> None:
    """A handle, twice; and a model, twice, while it runs."""
    path, _ = examples.exported(tmp_path / "model", examples.prototypical)
    support = examples.plain(examples.task(0))
    del support["query_x"]
    handle, model = "the kept prototypes was disposed of", "the model was disposed of"
    found = run_node(DISPOSED, str(path), support)
    assert found == ["no error", handle, handle, model, model, model]


# A GPU as a package for Node gives one, without the browser's globals. It knows one
# kernel: that of the identity.
PACKAGED = """
async function main(folder) {
  const program = JSON.parse(readFileSync(folder + "/program.json"));
  const { inputs, outputs } = program.entries.run;
  const [from, to] = [inputs, outputs].map(([{ at }]) => 4 * at);
  const made = [], memory = () => made.find((buffer) => buffer.usage === 140).bytes;
  const nothing = () => {};
  class Held {
    constructor({ size, usage }) {
      made.push(Object.assign(this, { size, usage, bytes: new Uint8Array(size) }));
    }
    async mapAsync(mode) { this.mode = mode; }
    getMappedRange() { return this.bytes.buffer; }
    destroy() {}
  }
  const pass = {
    setPipeline: nothing, setBindGroup: nothing, end: nothing,
    dispatchWorkgroups: () => memory().copyWithin(to, from, from + 12),
  };
  const encoder = {
    beginComputePass: () => pass, finish: nothing,
    copyBufferToBuffer(from, at, to, start, size) {
      to.bytes.set(from.bytes.subarray(at, at + size), start);
    },
  };
  const device = {
    lost: new Promise(nothing), destroy: nothing,
    queue: {
      submit: nothing,
      writeBuffer(to, at, words) { to.bytes.set(new Uint8Array(words.buffer), at); },
    },
    createBuffer: (given) => new Held(given), createCommandEncoder: () => encoder,
    createBindGroupLayout: nothing, createBindGroup: nothing,
    createPipelineLayout: nothing, createShaderModule: nothing,
    createComputePipelineAsync: async () => ({}),
    pushErrorScope: nothing, popErrorScope: async () => null,
  };
  const limits = { maxStorageBufferBindingSize: 2 ** 27, maxBufferSize: 2 ** 28 };
  const info = { description: "a packaged GPU" };
  const adapter = { limits, info, requestDevice: async () => device };
  const navigator = { gpu: { requestAdapter: async () => adapter } };
  Object.defineProperty(globalThis, "navigator", { value: navigator });
  const { load } = await import(folder + "/neurenix.js");
  const model = await load("file://" + folder);
  const { output } = await model.run({ x: [1, 2, 3] });
  const kept = await model.run({ x: [4, 5, 6] }, { keep: true });
  const again = await model.run({ x: kept.output });
  return [model.deviceName, model.reason, [...output], [...again.output],
    [...new Set(made.flatMap(({ usage, mode = 0 }) => [usage, mode]))].sort()];
}
"""


def test_a_gpu_of_a_package_is_used_in_node(tmp_path: Path) -> None:
    nx.export(lambda x: x, {"x": nx.ones(3)}, tmp_path / "model", "web")
    name, reason, first, second, numbers = run_node(PACKAGED, str(tmp_path / "model"))
    assert (name, reason) == ("a packaged GPU", None)
    assert (first, second) == ([1, 2, 3], [4, 5, 6])
    # none, GPUMapMode.READ; STORAGE and copies, UNIFORM and COPY_DST, MAP_READ and it
    assert numbers == [0, 1, 140, 72, 9]


def test_bundlers_find_all_of_the_runner_and_nothing_of_node() -> None:
    """Modules are named where they are imported; that of Node is named nowhere there,
    or bundlers of pages would look for it."""
    texts = {p.name: p.read_text() for p in Path(WEB).rglob("*.js")}
    named = [
        Path(n).name for t in texts.values() for n in re.findall(r'from "(.+)"', t)
    ]
    assert {*named, "neurenix.js"} == set(texts)
    dynamic = [x for t in texts.values() for x in re.findall(r"\bimport\((.+?)\)", t)]
    assert dynamic == ["/* webpackIgnore: true */ reader"]


ELEMENTS = """
async function main(folder) {
  const { load } = await import(folder + "/neurenix.js");
  const model = await load("file://" + folder, { device: "cpu" });
  const right = {
    f: [NaN], i: new BigInt64Array([-3n]), u: [2 ** 32 - 1], c: [255], b: [true],
  };
  const wrong = [["f", undefined], ["f", null], ["f", "x"],
    ["i", 0.5], ["i", 3e9], ["i", NaN], ["i", undefined],
    ["i", 2n ** 40n], ["u", -1], ["c", 256], ["b", 2], ["b", 0.5], ["b", null]];
  const refused = [];
  for (const [name, value] of wrong) {
    await model.run({ ...right, [name]: [value] }).then(() => refused.push("no error"),
      (error) => refused.push(error.message));
  }
  const found = await model.run(right);
  return [wrong.map(([name, x]) => `${name}[0] is ${x}, no`), refused,
    Object.keys(right).map((name) => String(found[name][0]))];
}
"""


def test_values_that_a_dtype_cannot_hold_are_refused(tmp_path: Path) -> None:
    """By the input's name and the place; a whole BigInt in range is taken."""
    dtypes = (nx.float32, nx.int32, nx.uint32, nx.uint8, nx.bool)
    given = {n: nx.ones(1, dtype=d) for n, d in zip("fiucb", dtypes, strict=True)}
    nx.export(lambda **inputs: inputs, given, tmp_path / "model", "web")
    wanted, refused, found = run_node(ELEMENTS, str(tmp_path / "model"))
    for start, message in zip(wanted, refused, strict=True):
        assert start in message, message
    assert found == ["NaN", "-3", "4294967295", "255", "1"]


@pytest.mark.parametrize("back", [nx.float64, nx.float32])
def test_what_the_web_has_not_is_refused_with_its_line(
    tmp_path: Path, back: Dtype
) -> None:
    """What a step stores, and what it only computes with in between."""

    def wide(x: nx.Tensor) -> nx.Tensor:
        return nx.exp(x.to(nx.float64)).to(back)

    line = r"no float64, in which \w+ computes at .*test_web_artefacts\.py:\d+"
    with pytest.raises(ExportError, match=line):
        nx.export(wide, (nx.ones(2),), tmp_path / "wide", "web")
    assert not list(tmp_path.iterdir())


def test_a_step_that_the_runner_lacks_is_refused_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(steps._WRITERS, Dot)
    lacking = r"no step for dot_general, which .*test_web_artefacts\.py:\d+ needs"
    with pytest.raises(ExportError, match=lacking):
        nx.export(lambda x: x @ x, (nx.ones(2, 2),), tmp_path / "product", "web")


def test_more_than_one_buffer_holds_is_refused_with_the_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program_json, "MOST_WORDS", 1000)
    sizes = (
        r"on the CPU the program needs 0\.0 MB in one buffer \(0\.0 MB of weights.*"
        r"the web has 0\.0 MB; export it for smaller inputs"
    )
    with pytest.raises(ExportError, match=sizes):
        nx.export(nx.nn.Linear(40, 40), (nx.ones(1, 40),), tmp_path / "model", "web")
    assert not list(tmp_path.iterdir())


def test_nothing_but_an_artefact_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.mkdir()
    (path / "thesis.txt").write_text("mine")
    with pytest.raises(StorageError, match="is no artefact"):
        nx.export(nx.exp, (nx.ones(2),), path, "web")
    assert (path / "thesis.txt").read_text() == "mine"
    (path / "thesis.txt").unlink()
    for function in (nx.exp, nx.sin):
        nx.export(function, (nx.ones(2),), path, "web")
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
    program = (path / "program.json").read_text()
    assert json.loads(program)["format"] == "neurenix-web"
    for name in ("index.html", "neurenix/mine.css", ".notes"):
        (path / name).write_text("mine")
        with pytest.raises(StorageError, match=f"no part of one: {name}; move it"):
            nx.export(nx.exp, (nx.ones(2),), path, "web")
        assert (path / name).read_text() == "mine"
        assert (path / "program.json").read_text() == program
        (path / name).unlink()
    nx.export(nx.exp, (nx.ones(2),), path, "web")
    assert (path / "program.json").read_text() != program
