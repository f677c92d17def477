"""Whole programs where the device types "cuda" and "rocm" are the emulated engines,
over the fake drivers: they choose cuda:0 or rocm:0 by themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from emulated_engine import CUDA, ROCM, ROOT, EmulatedEngine, run

HEAD = """
import runpy
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
ASKED_FOR = """
nx.init({{"device": "{name}:0"}})
x = nx.ones(64, 64)
print((x @ x).sum().item(), x.device)
"""
BOTH = pytest.mark.parametrize("engine", [CUDA, ROCM], ids=lambda engine: engine.name)


def shown(engine: EmulatedEngine, text: str, cwd: Path) -> str:
    """What a program prints, on a machine with this package and no other of GPUs."""
    only = f"cpu,{engine.name}"
    done = run(["-c", HEAD + text + TAIL], cwd, engine, NEURENIX_BACKENDS=only)
    assert done.returncode == 0, done.stderr[-3000:]
    *told, device = done.stdout.splitlines()
    assert device == f"{engine.name}:0"
    return "\n".join(told)


@BOTH
def test_it_is_had_by_its_name(engine: EmulatedEngine, tmp_path: Path) -> None:
    told = shown(engine, ASKED_FOR.format(name=engine.name), tmp_path)
    assert told == f"262144.0 {engine.name}:0"


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("maml.py", r"Average test MSE: (\d+\.\d{6})"),
        ("prototypical.py", r"Average test accuracy: (0\.\d{4}|1\.0000)"),
    ],
)
def test_a_documented_program_runs(
    name: str, pattern: str, engine: EmulatedEngine, tmp_path: Path
) -> None:
    program = (ROOT / "tests" / "quickstart" / name).read_text()
    # They take CUDA where it is, and else the CPU: with another type installed, what a
    # program does that asks for none is chosen by itself.
    asks = re.compile(r"nx\.init\(\{.*cuda:0.*\}\)\n")
    assert asks.search(program)
    if engine is not CUDA:
        program = asks.sub("", program)
    (tmp_path / name).write_text(program)
    told = shown(engine, f"runpy.run_path({name!r})", tmp_path)
    assert re.fullmatch(pattern, told)


@pytest.mark.slow
def test_the_demos_first_steps(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    program = ROOT / "examples" / "demo.py"
    told = shown(CUDA, DEMO.format(program=str(program)), tmp_path)
    assert "on cuda:0" in told
    assert re.search(r"accuracy \d+\.\d\d % ± \d\.\d\d \(4 tasks; batch norm", told)
    assert re.search(r"meta-trained( +\d+\.\d\d){11}", told)
    assert (tmp_path / "demo.png").stat().st_size > 50_000
