"""Damaged, truncated and newer artefacts: the runner refuses each with a message."""

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
  const draw = (n) => { state = (state * 48271) % 2147483647; return state % n; };
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
