"""The TypeScript types of artefacts, by TypeScript's own compiler."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import web_examples as examples
from web_needs import node

import neurenix as nx

# Each line that is wrong follows one that expects an error; tsc finds those that have
# none.
USE = """
import { load as loadFunctions, type Kept } from "./functions/neurenix.js";
import { load as loadOne } from "./one/neurenix.js";

export async function adapt(support_x: Float32Array, support_y: number[]) {
  const model = await loadFunctions(new URL("file:///"), { device: "auto" });
  const adapted = await model.run("adapt", { support_x, support_y });
  const first: number = adapted.prototypes[0]!;
  const given = { "adapted.prototypes": adapted.prototypes, query_x: support_x };
  const { scores } = await model.run("predict", given);
  const shape: [4, 3] = scores.shape;
  const { prototypes } = await model.run(
    "adapt", { support_x, support_y }, { keep: true });
  const kept: Kept<Float32Array> = prototypes;
  await model.run("predict", { "adapted.prototypes": kept, query_x: support_x });
  const read: Float32Array = await kept.read();
  kept.dispose();
  const some = await model.run(
    "adapt", { support_x, support_y }, { keep: ["prototypes"] });
  await some.prototypes.read();
  const worst: number = await model.check();
  const device: "webgpu" | "cpu" = model.device;
  const reason: string | null = model.reason;
  model.dispose();

  // @ts-expect-error: no such entry point
  await model.run("learn", { support_x, support_y });
  // @ts-expect-error: an input is missing
  await model.run("adapt", { support_x });
  // @ts-expect-error: no such input
  await model.run("adapt", { support_x, support_y, query_x: support_x });
  // @ts-expect-error: text
  await model.run("adapt", { support_x: "x", support_y });
  // @ts-expect-error: no such output
  await model.run("adapt", { support_x, support_y }, { keep: ["scores"] });
  // @ts-expect-error: kept values have to be read
  prototypes[0];
  // @ts-expect-error: another shape
  const other: [3, 4] = scores.shape;
  // @ts-expect-error: no such device
  await loadFunctions("", { device: "gpu" });
  return { first, shape, read, worst, device, reason, other };
}

export async function one(x: readonly number[]) {
  const model = await loadOne("./one/", { onProgress: (done, what) => [done, what] });
  const { output } = await model.run({ x });
  const kept = await model.run({ x }, { keep: ["output"] });
  await model.run("run", { x: kept.output });
  const values: Int32Array = output;
  // @ts-expect-error: integers
  const wrong: Float32Array = output;
  return [values, wrong];
}
"""


def _typescript() -> Path:
    """The compiler, where make installs it."""
    found = Path(sys.prefix) / "node_modules/typescript/lib/tsc.js"
    if not found.exists():
        pytest.skip(
            f"no TypeScript: npm install --prefix {sys.prefix} typescript@5.9.3"
        )
    return found


def test_the_types_allow_what_runs_and_refuse_what_does_not(tmp_path: Path) -> None:
    compiler = _typescript()
    examples.exported(tmp_path / "functions", examples.prototypical)
    given = {"x": nx.arange(4)}
    nx.export(lambda x: x + 1, given, tmp_path / "one", "web")
    (tmp_path / "use.ts").write_text(USE)
    options = "--noEmit --strict --noUncheckedIndexedAccess --target es2022"
    options += " --module esnext --moduleResolution bundler --lib es2022,dom"
    done = subprocess.run(
        [node(), str(compiler), *options.split(), "use.ts"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
