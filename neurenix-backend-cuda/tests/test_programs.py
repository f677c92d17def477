"""Whole programs where the device type "cuda" is the emulated engine, over the fake
driver: they choose cuda:0 by themselves."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import cuda_emulated
import pytest

cuda_emulated.require_built()

# The package finds the emulated library as its own, and the fake driver as NVIDIA's.
HEAD = """
import runpy
from pathlib import Path
import neurenix_backend_cuda
neurenix_backend_cuda.library = lambda: Path({library!r})
import neurenix as nx
"""
TAIL = """
print(nx.current_device())
"""
DEMO = """
from functools import partial
import neurenix.meta.recipes.embedding as embedding
from neurenix.errors import DatasetError
embedding.Conv4 = partial(embedding.Conv4, hidden=4)
demo = runpy.run_path({program!r})
def absent(**_):
    raise DatasetError("no drawings here")
small = dict(TRAIN_WAYS=5, STEPS_PER_EPOCH=1, EPOCHS=1, TEST_TASKS=4, SINE_STEPS=10,
             SINE_TASKS=25, Omniglot=absent)
assert small.keys() <= demo.keys()
demo["main"].__globals__.update(small)
demo["main"]()
"""


def run(text: str, cwd: Path) -> str:
    driver = cuda_emulated.folder() / "driver"
    path = os.pathsep.join([str(driver), os.environ.get("LD_LIBRARY_PATH", "")])
    head = HEAD.format(library=str(cuda_emulated.library()))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", head + text + TAIL],
        cwd=cwd,
        env={**os.environ, "LD_LIBRARY_PATH": path},
        capture_output=True,
        text=True,
        timeout=580,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    *told, device = done.stdout.splitlines()
    assert device == "cuda:0"
    return "\n".join(told)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("maml.py", r"Average test MSE: (\d+\.\d{6})"),
        ("prototypical.py", r"Average test accuracy: (0\.\d{4}|1\.0000)"),
    ],
)
def test_a_documented_program_runs(name: str, pattern: str, tmp_path: Path) -> None:
    program = cuda_emulated.ROOT / "tests" / "quickstart" / name
    assert re.fullmatch(pattern, run(f"runpy.run_path({str(program)!r})", tmp_path))


@pytest.mark.slow
def test_the_demos_first_steps(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    program = cuda_emulated.ROOT / "examples" / "demo.py"
    shown = run(DEMO.format(program=str(program)), tmp_path)
    assert "on cuda:0" in shown
    assert re.search(r"accuracy \d+\.\d\d % ± \d\.\d\d \(4 tasks; batch norm", shown)
    assert re.search(r"meta-trained( +\d+\.\d\d){11}", shown)
    assert (tmp_path / "demo.png").stat().st_size > 50_000
