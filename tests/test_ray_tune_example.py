"""The example that searches with Ray Tune."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "examples" / "ray_tune.py"


def test_it_searches_and_the_best_one_is_there(tmp_path: Path) -> None:
    pytest.importorskip("ray.tune", reason="Ray Tune is not installed")
    asked = ["--trials", "3", "--epochs", "2", "--storage", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), *asked],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "RAY_ADDRESS": "local"},  # a cluster of its own
    )
    assert done.returncode == 0, done.stderr
    assert "3 trials, 0 of them failed" in done.stdout
    assert "best: {'inner_lr': " in done.stdout
    assert list(tmp_path.glob("sine/trial_*/checkpoints/checkpoint-*.safetensors"))
