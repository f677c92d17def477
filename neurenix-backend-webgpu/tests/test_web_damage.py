"""Damaged, truncated and newer artefacts: the runner refuses each with a message, and
with what is wrong where, though all checksums are right."""

from __future__ import annotations

import json
from pathlib import Path

from web_runner import run_node

import neurenix as nx
from neurenix import nn

DAMAGES = 1000

# Each damage alone: a byte altered, or a file cut. Whatever loads must say why not.
DAMAGED = """
import { writeFileSync } from "node:fs";
async function main(folder, files, count) {
  const { load } = await import(folder + "/neurenix.js");
  const whole = files.map((file) => readFileSync(folder + "/" + file));
  let state = 1;
  const draw = (n) => { state = (state * 16807) % 2147483647; return state % n; };
  const wrong = [], said = new Set();
  for (let i = 0; i < count; i++) {
    const k = i % files.length, bytes = Buffer.from(whole[k]), at = draw(bytes.length);
    const cut = i % 4 === 3;
    if (!cut) bytes[at] ^= 1 + draw(255);
    writeFileSync(folder + "/" + files[k], cut ? bytes.subarray(0, at) : bytes);
    const message = await load("file://" + folder, { device: "cpu" })
      .then(() => "it loads", (error) => error.message);
    if (!message.includes(files[k])) wrong.push([files[k], at, cut, message]);
    else said.add(message.slice(0, 60));
    writeFileSync(folder + "/" + files[k], whole[k]);
  }
  await load("file://" + folder, { device: "cpu" });
  return [wrong, [...said]];
}
"""
FILES = ["program.json", "weights.safetensors", "check.safetensors"]


def _artefact(folder: Path) -> Path:
    nx.manual_seed(0)
    nx.export(nn.Linear(3, 2), (nx.ones(4, 3),), folder / "model", "web")
    return folder / "model"


def test_damaged_artefacts_are_refused(tmp_path: Path) -> None:
    wrong, said = run_node(DAMAGED, str(_artefact(tmp_path)), FILES, DAMAGES)
    assert not wrong
    assert any("its checksum is wrong" in message for message in said), said


def test_a_newer_artefact_is_refused(tmp_path: Path) -> None:
    path = _artefact(tmp_path)
    program = json.loads((path / "program.json").read_text())
    (path / "program.json").write_text(json.dumps({**program, "version": [2, 0]}))
    script = """
async function main(folder) {
  const { load } = await import(folder + "/neurenix.js");
  return load("file://" + folder).then(() => "loaded", (error) => error.message);
}
"""
    message = run_node(script, str(path))
    assert "written by a newer Neurenix: its version is 2.0" in message
    assert "reads 1.x" in message


def test_files_of_two_artefacts_are_refused(tmp_path: Path) -> None:
    path = _artefact(tmp_path)
    nx.manual_seed(1)
    nx.export(nn.Linear(3, 2), (nx.ones(4, 3),), tmp_path / "other", "web")
    other = (tmp_path / "other" / "weights.safetensors").read_bytes()
    (path / "weights.safetensors").write_bytes(other)
    script = """
async function main(folder) {
  const { load } = await import(folder + "/neurenix.js");
  return load("file://" + folder).then(() => "loaded", (error) => error.message);
}
"""
    assert "weights.safetensors is damaged" in run_node(script, str(path))


# Each change alone, under a checksum that is made anew. What is refused names the file;
# what is taken computes, whatever comes out.
CHANGED = """
import { writeFileSync } from "node:fs";
function crc(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xEDB88320 & -(crc & 1));
  }
  return ~crc >>> 0;
}
function write(folder, program) {
  const text = JSON.stringify({ ...program, check: undefined }).slice(1);
  const check = String(crc(Buffer.from(text))).padStart(10);
  writeFileSync(`${folder}/program.json`, `{"check":${check},${text}`);
}
function read(folder) {
  return JSON.parse(readFileSync(folder + "/program.json", "utf8"));
}
function at(whole, path) {
  return path.slice(0, -1).reduce((part, key) => part[key], whole);
}
async function outcome(folder) {
  const { load } = await import(folder + "/neurenix.js");
  const model = await load("file://" + folder, { device: "cpu" });
  for (const [name, { inputs, example }] of Object.entries(model.artefact.entries)) {
    const given = inputs.map((port, k) => [port.name, example[k]]);
    await model.run(name, Object.fromEntries(given));
  }
}
"""
FUZZED = (
    CHANGED
    + """
async function main(folder, count) {
  const program = read(folder), wrong = [], said = {};
  let state = 7;
  const draw = (n) => { state = (state * 16807) % 2147483647; return state % n; };
  const pick = (list) => list[draw(list.length)];
  const paths = [];
  const apart = ["format", "version", "made_by", "check", "checks"];
  const walk = (part, path) => {
    for (const key of Object.keys(part)) {
      if (path.length || !apart.includes(key)) {
        paths.push([...path, key]);
        if (part[key] && typeof part[key] === "object") walk(part[key], [...path, key]);
      }
    }
  };
  walk(program, []);
  const steps = paths.filter((path) => path.includes("steps"));
  for (let i = 0; i < count; i++) {
    const whole = structuredClone(program);
    const path = pick(i % 2 ? steps : paths), key = path.at(-1);
    const within = at(whole, path), old = within[key], n = Number(old) || 0;
    const values = [n + 1, n - 1, -n - 1, 1000 * n + 7, 2 ** 31, 2 ** 40, 0.5, -1, 0];
    const kind = draw(8);
    if (kind === 0) delete within[key];
    else if (kind === 1) within[key] = pick([null, "x", "constructor", [], {}, true]);
    else if (Array.isArray(old) && kind < 5) old.splice(draw(old.length + 1), 1);
    else if (Array.isArray(old)) old.push(pick([...values, ...old]));
    else if (typeof old === "number") within[key] = pick(values);
    else if (typeof old === "string") within[key] = pick(["", "f", "c", "add", "x"]);
    else within[key] = null;
    write(folder, whole);
    const message = await outcome(folder).then(() => "taken", (e) => e.message);
    const [, file] = message.match(/^([^ ]+) is damaged: /) ?? [];
    said[file ?? "taken"] = (said[file ?? "taken"] ?? 0) + 1;
    if (!file && message !== "taken") wrong.push([path, within[key], message]);
  }
  write(folder, program);
  await outcome(folder);
  return [wrong, said];
}
"""
)


def _mixed(folder: Path) -> Path:
    """An artefact with all kinds of steps, constants, state and five dtypes."""
    nx.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten())
    total = nn.Buffer(nx.zeros(2))

    def predict(image: nx.Tensor) -> dict[str, nx.Tensor]:
        return {"scores": nn.functional.log_softmax(network(image), 1)}

    def count(x: nx.Tensor, rows: nx.Tensor, mask: nx.Tensor) -> dict[str, nx.Tensor]:
        picked = nx.where(mask, x[rows], x[rows].max())
        found = nx.zeros(4, 2)
        found[rows] = picked
        total.assign(total.value() + found.sum(dim=0))
        return {"order": nx.argsort(found, dim=0), "bytes": (found * 9).to(nx.uint8)}

    nx.export(
        {"predict": predict, "count": nx.compile(count, state=[total])},
        {
            "predict": (nx.ones(2, 1, 5, 5),),
            "count": (
                nx.arange(8).to(nx.float32).reshape(4, 2),
                nx.tensor([3, 0, 1]),
                nx.tensor([[True], [False], [True]]),
            ),
        },
        folder / "model",
        "web",
    )
    return folder / "model"


def test_wrong_structures_are_refused_under_right_checksums(tmp_path: Path) -> None:
    wrong, said = run_node(FUZZED, str(_mixed(tmp_path)), DAMAGES)
    assert not wrong, wrong
    assert said["program.json"] > DAMAGES / 4, said


NAMED = (
    CHANGED
    + """
async function main(folder, changes) {
  const program = read(folder), said = [];
  for (const [path, value] of changes) {
    const whole = structuredClone(program);
    at(whole, path)[path.at(-1)] = value;
    write(folder, whole);
    said.push(await outcome(folder).then(() => "taken", (error) => error.message));
  }
  return said;
}
"""
)


def test_what_is_wrong_is_said_with_its_place(tmp_path: Path) -> None:
    path = _artefact(tmp_path)
    run = ["entries", "run"]
    changes = {
        (*run, "steps", 0, "op"): ("nonsense", "run.steps[0] is wrong"),
        (*run, "steps", 0, "x", 0, 1): (
            1 << 28,
            "run.steps[0] is wrong: a view leaves",
        ),
        (*run, "steps", 0, "y", 0, 1): (-1, "run.steps[0] is wrong: a view leaves"),
        (*run, "steps", 0, "shape"): ([[1], [2]], "run.steps[0] is wrong"),
        (*run, "dispatches", 0, 0): (99, "run.dispatches[0] is wrong: no such module"),
        (*run, "dispatches", 0, 2): (
            0,
            "run.dispatches[0] is wrong: no such module or",
        ),
        (*run, "dispatches", 0, 1): (65536, "run.dispatches[0] is wrong"),
        (*run, "inputs", 0, "at"): (1 << 28, "run.inputs[0] is wrong: it leaves"),
        (*run, "outputs", 0, "letter"): (
            "z",
            "run.outputs[0] is wrong: no name, dtype",
        ),
        (*run, "state"): (["x"], "run.state[0] is wrong: no name"),
        (*run, "example"): ([], "run.example[0] is wrong: check.safetensors is too"),
        ("weights", 0, "shape"): ([3, 1 << 40], "weights[0] is wrong: no name"),
        ("weights", 0, "from"): (
            1 << 20,
            "weights[0] is wrong: weights.safetensors is",
        ),
        ("weights", 0, "at"): (-1, "weights[0] is wrong: it leaves"),
        ("modules", 0): (7, "modules[0] is wrong: it is no text"),
        ("memory", "cpu"): (0.5, "no memory"),
    }
    given = [[list(place), value] for place, (value, _) in changes.items()]
    for message, (_, wanted) in zip(
        run_node(NAMED, str(path), given), changes.values(), strict=True
    ):
        assert message.startswith(f"program.json is damaged: {wanted}"), message
