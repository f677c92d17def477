"""Nobody can tell when made code took over: 50 steps have the same bits in each, with
precompiled kernels, with code made before, and with code that comes half-way."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TypedDict

import cuda_emulated
import pytest
from made_code_place import Place

cuda_emulated.require_built()
pytestmark = pytest.mark.nightly  # g++ takes a minute over a task; see test_made_code
PROGRAM = Path(__file__).with_name("take_over.py")


class Steps(TypedDict):
    losses: list[str]
    weights: list[str]
    made: bool


def steps(folder: Path, when: str, *names: str) -> dict[str, Steps]:
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *names],
        env=Place(folder).environment(when),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Steps] = json.loads(done.stdout)
    return told


def test_fifty_steps_have_the_same_bits(tmp_path: Path) -> None:
    never = steps(tmp_path / "never", "0", "w1", "w5s1")
    beside = steps(tmp_path / "beside", "1", "w1", "w5s1")
    # all that the weights begin with is compiled too: of the smaller network only
    before = steps(tmp_path / "before", "before", "w1")
    for name, found in never.items():
        assert not found["made"]
        assert len(set(found["losses"])) > 25  # it learns
        assert beside[name] == {**found, "made": True}
    assert before["w1"] == beside["w1"]
