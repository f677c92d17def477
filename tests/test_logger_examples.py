"""The loggers of examples/: with a stand-in each, and with the library where it is."""

from __future__ import annotations

import importlib.util
import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


class Run:
    """What both libraries' runs do, as far as the examples ask: it notes."""

    def __init__(self) -> None:
        self.logged: list[tuple[int, dict[str, float]]] = []
        self.ended = False

    def log(self, numbers: dict[str, float], step: int) -> None:
        self.logged.append((step, numbers))

    def finish(self) -> None:
        self.ended = True

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *cause: object) -> None:
        self.finish()


def wandb(run: Run) -> ModuleType:
    module = ModuleType("wandb")
    module.init = lambda project, config: run  # type: ignore[attr-defined]
    return module


def mlflow(run: Run) -> ModuleType:
    module = ModuleType("mlflow")
    module.set_experiment = lambda name: None  # type: ignore[attr-defined]
    module.start_run = lambda: run  # type: ignore[attr-defined]
    module.log_params = lambda parameters: None  # type: ignore[attr-defined]
    module.log_metrics = run.log  # type: ignore[attr-defined]
    return module


@pytest.mark.parametrize("make", [wandb, mlflow])
def test_with_a_stand_in(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run()
    monkeypatch.setitem(sys.modules, make.__name__, make(run))
    runpy.run_path(str(EXAMPLES / f"{make.__name__}_logger.py"), run_name="__main__")
    assert [step for step, _ in run.logged] == [4, 8, 12, 16, 20] and run.ended
    losses = [numbers["loss"] for _, numbers in run.logged]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_with_the_library(name: str, tmp_path: Path) -> None:
    """Without an account or a server: files in a folder."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    env = {
        **os.environ,
        "WANDB_MODE": "offline",
        "MLFLOW_TRACKING_URI": f"file:{tmp_path}/mlruns",
        "MLFLOW_ALLOW_FILE_STORE": "true",
    }
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}_logger.py"],
        cwd=tmp_path, env=env, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = {
        "wandb": "wandb/offline-run-*/*.wandb",
        "mlflow": "mlruns/*/*/metrics/loss",
    }[name]
    assert list(tmp_path.glob(found))
