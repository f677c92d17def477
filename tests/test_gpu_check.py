"""scripts/gpu_check.sh and rocm_check.sh, in short, over the fake drivers: every stage
runs here as it will where a GPU is, and what fails or hangs stops no other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from emulated_engine import CUDA, ROCM, EmulatedEngine

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts" / "gpu_stages"))
from environment import (  # type: ignore[import-not-found]  # noqa: E402
    LACKING,
    STAND_IN,
    nvidias,
    said,
)
from stage import Stages  # type: ignore[import-not-found]  # noqa: E402

STAGES = (
    *("first use", "doctor"),
    *("quick start maml", "quick start prototypical", "conformance suite"),
    *("products", "code made at run time", "large products", "workloads"),
    "after a fault",
)
NVRTC = "libnvrtc.so.13"
# What NVIDIA's checkers and driver are given.
NVIDIAS = ("products", "after a fault")


# CUDA's takes two minutes more: it compiles code at run time.
REHEARSALS = [pytest.param(CUDA, marks=pytest.mark.nightly), ROCM]


@pytest.mark.slow
@pytest.mark.parametrize("engine", REHEARSALS, ids=lambda engine: engine.name)
def test_a_rehearsal_passes_every_stage(engine: EmulatedEngine, tmp_path: Path) -> None:
    """Though another package of the machine has a plugin of pytest's that fails."""
    engine.require_built()
    (tmp_path / "others-1.0.dist-info").mkdir()
    entry = "[pytest11]\nothers = plugin_of_others\n"
    (tmp_path / "others-1.0.dist-info" / "entry_points.txt").write_text(entry)
    (tmp_path / "plugin_of_others.py").write_text("raise SystemError('loaded')\n")
    script = "gpu_check.sh" if engine is CUDA else "rocm_check.sh"
    command = [ROOT / "scripts" / script, "--rehearse", "--installed", "--only", "w1"]
    done = subprocess.run(
        [*command, "--output", tmp_path / "check"],
        env={**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kept = (tmp_path / "check.txt").read_text()
    assert kept == done.stdout
    table = kept.split("| stage | result | time |")[1]
    for stage in STAGES:
        if stage in NVIDIAS and engine is ROCM:
            continue
        # a library that was built with hipcc is there, and the fake compiler is newer
        other = engine is ROCM and f"\n| {stage} | not run: no code at run" in table
        assert f"\n| {stage} | ok: " in table or other
    assert "\n| w1 |" in table and "| same |" in table


def stages(folder: Path, limit: float) -> Stages:
    return Stages(folder, limit)


def test_a_stage_that_fails_is_in_the_table_and_the_next_one_runs(
    tmp_path: Path,
) -> None:
    check = stages(tmp_path, 60)
    told = "print('why | so'); raise SystemExit(3)"
    assert not check.run("one", 20, [sys.executable, "-c", told], os.environ)
    assert check.run("two", 20, [sys.executable, "-c", "print('fine')"], os.environ)
    assert not check.passed
    assert "| one | FAILED (status 3): why / so | " in check.table()
    assert "| two | ok: fine | " in check.table()


def test_a_stage_that_says_it_was_not_run_is_not_ok(tmp_path: Path) -> None:
    check = stages(tmp_path, 60)
    told = "print('not run: no compiler')"
    assert check.run("one", 20, [sys.executable, "-c", told], os.environ)
    assert "| one | not run: no compiler | " in check.table()


@pytest.mark.parametrize("lib", ["lib", "lib64", "targets/x86_64-linux/lib"])
def test_a_library_is_found_wherever_a_toolkit_keeps_it(
    lib: str, tmp_path: Path
) -> None:
    toolkit, packages = tmp_path / "toolkit", tmp_path / "site-packages"
    of_pip = packages / "nvidia" / "cu13" / "lib" / NVRTC
    assert nvidias(NVRTC, [toolkit], [packages]) is None
    of_pip.parent.mkdir(parents=True)
    of_pip.touch()
    assert nvidias(NVRTC, [toolkit], [tmp_path, packages]) == of_pip
    (toolkit / lib).mkdir(parents=True)
    (toolkit / lib / NVRTC).touch()
    found = toolkit / lib / NVRTC
    assert nvidias(NVRTC, [toolkit], [packages]) == found


def test_what_a_machine_lacks_is_told_by_version(tmp_path: Path) -> None:
    for name, version in (("some-1.9.dist-info", "1.9"), ("More-2.0.dist-info", "2.0")):
        (tmp_path / name).mkdir()
        head = f"Metadata-Version: 2.1\nName: {name.split('-')[0]}\n"
        (tmp_path / name / "METADATA").write_text(f"{head}Version: {version}\n")
    script = f"import sys; sys.path.append({str(tmp_path)!r})\n{LACKING}"
    asked = ["some>=1.10", "more>=1.10", "no-such-package>=1"]
    told = said(sys.executable, "-c", script, *asked)
    assert told.split() == ["some>=1.10", "no-such-package>=1"]


FIND_ALL = """
import importlib_metadata
assert not hasattr(importlib_metadata, "__path__"), "the package itself"
from neurenix.backends import discovery
from neurenix.exporting import targets
from neurenix.cli import commands
print(*discovery.names(), *sorted(targets.installed()))
"""


def test_python_stands_in_for_importlib_metadata(tmp_path: Path) -> None:
    (tmp_path / "importlib_metadata.py").write_text(STAND_IN)
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{FIND_ALL}"
    names = said(sys.executable, "-c", script).split()
    assert {"cpu", "cuda", "rocm", "onnx"} <= set(names)


HANGS = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sleeps = [sys.executable, "-c", "import time; time.sleep(600)"]
child = subprocess.Popen(sleeps)
apart = subprocess.Popen(sleeps, start_new_session=True)
print(child.pid, apart.pid, flush=True)
time.sleep(600)
"""


def has_ended(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"  # ended, and waiting to be collected by its new parent


def test_a_stage_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    """The child that has a session of its own, as the peers have, too."""
    check = stages(tmp_path, 60)
    assert not check.run("stuck", 4, [sys.executable, "-c", HANGS], os.environ)
    assert "| stuck | FAILED (over 4 s): " in check.table()
    left = [int(word) for word in (tmp_path / "stuck.txt").read_text().split()]
    assert len(left) == 2
    for _ in range(100):
        left = [process for process in left if not has_ended(process)]
        if not left:
            return
        time.sleep(0.05)
    for process in left:
        os.kill(process, signal.SIGKILL)
    pytest.fail(f"{len(left)} of the stage's children live on")


def test_stages_end_with_the_check(tmp_path: Path) -> None:
    check = stages(tmp_path, 60)
    sleeps = [sys.executable, "-c", "import time; time.sleep(600)"]
    begun = check.begin("beside", 50, sleeps, os.environ)
    check.end_begun()
    assert begun.process.returncode == -signal.SIGTERM
    assert not check.begun


def test_no_stage_begins_without_time(tmp_path: Path) -> None:
    check = stages(tmp_path, 20)
    assert not check.run("late", 10, [sys.executable, "-c", ""], os.environ, keep=19)
    assert "| late | no time left |  |" in check.table()
    assert not check.passed
