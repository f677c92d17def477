"""The conformance suite as authors of backends run it: anywhere, by its command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    plugin = ("-p", "neurenix_pytest", "-p", "no:cacheprovider")
    return subprocess.run(
        [sys.executable, "-m", "pytest", *plugin, *arguments],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def test_the_suite_by_its_command(tmp_path: Path) -> None:
    suite = ("--pyargs", "neurenix.testing.suite", "-q", "-k", "reshape or every")
    done = run_pytest(tmp_path, *suite, "--nx-device", "reference")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "= Neurenix on its devices =" in done.stdout
    assert "\nreference: " in done.stdout and "\ncpu: " not in done.stdout
    assert "test_compiled" not in done.stdout  # nothing failed

    done = run_pytest(tmp_path, *suite, "--nx-device", "no_such_chip")
    assert done.returncode == 4
    assert (
        "--nx-device no_such_chip: device type 'no_such_chip' is absent" in done.stderr
    )


def test_without_hypothesis_the_random_part_says_so(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "import sys\nsys.modules['hypothesis'] = None\n", "utf-8"
    )
    suite = (
        "--pyargs",
        "neurenix.testing.suite",
        "-q",
        "-rs",
        "-k",
        "test_random or every_p",
    )
    plugins = ("-p", "no:hypothesispytest", "-p", "conftest")
    done = run_pytest(tmp_path, *plugins, *suite, "--nx-device", "reference")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 1 skipped" in done.stdout
    assert "there is no Hypothesis to draw shapes and values" in done.stdout


def test_skips_have_reasons_and_are_counted(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(
        "import pytest\n"
        "@pytest.mark.nx_needs('bfloat16', 'teleport')\n"
        "def test_more_than_it_has(nx_device): pass\n"
        "@pytest.mark.nx_needs('float32', 'dot_general')\n"
        "def test_what_it_has(nx_device): pass\n"
        "def test_fusion(nx_device, nx_fusion): assert nx_fusion\n",
        "utf-8",
    )
    done = run_pytest(tmp_path, "-q", "--strict-markers", "--nx-device", "reference")
    assert done.returncode == 1
    summary = "reference: 4 cases: 2 passed, 1 failed, 1 skipped\n"
    reason = "  1 skipped: reference declares no bfloat16, teleport\n"
    assert summary + reason in done.stdout


def test_other_runs_of_pytest_do_not_pay(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(
        "import sys\n"
        "def test_other():\n"
        "    assert not {'neurenix', 'numpy', 'hypothesis'} & set(sys.modules)\n",
        "utf-8",
    )
    done = run_pytest(tmp_path, "-q", "-p", "no:hypothesispytest")
    assert done.returncode == 0, done.stdout
    assert "Neurenix" not in done.stdout
