"""The demo, made small: it runs from end to end and prints what it promises."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import pytest

import neurenix as nx
from neurenix.errors import DatasetError

pytestmark = pytest.mark.slow
DEMO = Path(__file__).parents[1] / "examples/demo.py"
SMALL: dict[str, Any] = {
    "TRAIN_WAYS": 5,
    "STEPS_PER_EPOCH": 2,
    "EPOCHS": 2,
    "TEST_TASKS": 20,
    "SINE_STEPS": 40,
    "SINE_TASKS": 100,
}


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    pytest.importorskip("matplotlib")
    if not nx.get_device_count("cpu"):
        pytest.skip("the CPU engine is not installed")
    spec = importlib.util.spec_from_file_location("demo", DEMO)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def absent(**_: Any) -> NoReturn:
        raise DatasetError("no drawings here")

    monkeypatch.setattr(module, "Omniglot", absent)
    for name, value in SMALL.items():
        assert hasattr(module, name)
        monkeypatch.setattr(module, name, value)
    monkeypatch.chdir(tmp_path)
    return module


def test_the_demo_runs(demo: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    demo.main()
    shown = capsys.readouterr().out
    assert "generated characters stand in" in shown and "no drawings here" in shown
    assert re.search(r"accuracy \d+\.\d\d % ± \d\.\d\d \(20 tasks; batch norm", shown)
    assert "non-transductive" in shown
    assert re.search(r"meta-trained( +\d+\.\d\d){11}", shown)
    assert Path("demo.png").stat().st_size > 50_000


def test_a_slow_machine_stops_in_time(
    demo: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(demo, "TIME_LIMIT_S", 1e-3)
    monkeypatch.setattr(demo, "STEPS_PER_EPOCH", 20)
    nx.init({"device": "cpu"})
    demo.learn_drawings()
    assert "time is up after 10 steps" in capsys.readouterr().out
