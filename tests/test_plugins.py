"""Broken backend packages, installed with pip: what is said of them, and by whom."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from neurenix.backends import API_VERSION

_spec = importlib.util.spec_from_file_location(
    "fake_plugins", Path(__file__).with_name("fake_plugins.py")
)
assert _spec is not None and _spec.loader is not None
fake_plugins = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fake_plugins)

API = f"backend API {API_VERSION}"
COMPILER = next((c for c in ("cc", "gcc", "clang", "c++") if shutil.which(c)), None)
ABIS = {"old_abi": 0, "new_abi": 2} if COMPILER else {}

pytestmark = pytest.mark.slow


def run(*command: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    around = {k: v for k, v in os.environ.items() if not k.startswith("NEURENIX_")}
    return subprocess.run(
        [str(part) for part in command],
        env=around | env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment in which every fake is installed; from
    here it sees only what this one has installed."""
    folder = tmp_path_factory.mktemp("plugins")
    made = run(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
    assert made.returncode == 0, made.stderr
    inside = folder / "venv/bin/python"
    where = run(inside, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    ours = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    lines = [f"import site; site.addsitedir({path!r})" for path in ours]
    Path(where.stdout.strip(), "ours.pth").write_text("\n".join(lines) + "\n", "utf-8")

    wheels = [
        fake_plugins.wheel(folder, name, body)
        for name, body in fake_plugins.MODULES.items()
    ]
    for name, major in ABIS.items():
        library = folder / f"lib{name}.so"
        code = folder / f"{name}.c"
        code.write_text(fake_plugins.TABLE, "utf-8")
        assert COMPILER is not None
        compiled = run(
            COMPILER, "-shared", "-fPIC", f"-DMAJOR={major}", "-o", library, code
        )
        assert compiled.returncode == 0, compiled.stderr
        body = fake_plugins.ENGINE.format(library=str(library))
        wheels.append(fake_plugins.wheel(folder, name, body))
    for distribution in ("one-chip", "other-chip"):
        body = fake_plugins.MODULES["good"]
        wheels.append(fake_plugins.wheel(folder, "twice", body, distribution))
    offline = ("--no-index", "--no-deps", "--disable-pip-version-check", "-q")
    pip = (sys.executable, "-m", "pip", "--python", inside)
    installed = run(*pip, "install", *offline, *wheels)
    assert installed.returncode == 0, installed.stderr
    return inside


@pytest.fixture(scope="module")
def reports(python: Path) -> dict[str, dict[str, Any]]:
    """What the doctor says of each device type."""
    done = run(python, "-m", "neurenix", "doctor", "--json", "--timeout", "15")
    assert done.returncode == 1, done.stderr  # something is broken
    found = {r["device_type"]: r for r in json.loads(done.stdout)["device_types"]}
    assert set(fake_plugins.MODULES) | {"twice", "reference"} | set(ABIS) <= set(found)
    return found


def ask(python: Path, code: str, allowed: str) -> subprocess.CompletedProcess[str]:
    program = f"import neurenix as nx\n{code}"
    return run(python, "-W", "always", "-c", program, NEURENIX_BACKENDS=allowed)


# device type: what the doctor says, and whoever asks for the device is told
BROKEN = {
    "import_error": "ModuleNotFoundError: No module named 'a_module_that_nobody_has'; "
    "reinstall fake-import-error, or choose another device",
    "leaves": "SystemExit: no licence; reinstall fake-leaves",
    "no_hook": "BackendError: the plugin 'fake_no_hook' implements neurenix_backend "
    "0 times, not once; choose another device",
    "stale": "ModuleNotFoundError: No module named 'fake_stale'; reinstall fake-stale",
    "old_api": "BackendError: it is made for backend API 0, this core has 1; "
    "install matching releases; choose another device",
    "new_api": "BackendError: it is made for backend API 99, this core has 1",
    "other_name": "BackendError: its entry point says 'other_name', its record "
    "'something_else'",
    "raises": "OSError: driver 470 is old; reinstall fake-raises",
    "no_library": "BackendError: cannot open the engine /nowhere/libengine.so: ",
    "create_fails": "MemoryError: full; reinstall fake-create-fails",
    "twice": "BackendError: the distributions one-chip and other-chip both claim the "
    "device type 'twice'; uninstall one; choose another device",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken(name: str, python: Path, reports: dict[str, Any]) -> None:
    report = reports[name]
    assert report["state"] == "broken"
    assert BROKEN[name] in report["reason"]
    distribution = report["distribution"]
    assert f"{distribution} 1.2 is installed but broken: " in report["reason"]

    asked = ask(python, f"nx.init({{'device': '{name}'}})", name)
    assert asked.returncode == 1
    assert f"BackendError: device type '{name}' cannot be used: " in asked.stderr
    assert BROKEN[name] in asked.stderr
    if name != "create_fails":  # which nobody knows before it is created
        counted = ask(python, f"print(nx.get_device_count('{name}'))", name)
        assert counted.stdout.split() == ["0"]
        assert f"RuntimeWarning: no '{name}' devices: " in counted.stderr


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("old_abi", "upgrade the backend, or install an older neurenix-core"),
        ("new_abi", "upgrade neurenix-core, or install an older backend"),
    ],
)
def test_another_abi(name: str, remedy: str, reports: dict[str, Any]) -> None:
    if name not in ABIS:
        pytest.skip("no C compiler to make an engine with another ABI")
    assert reports[name]["state"] == "broken"
    assert f"has ABI {ABIS[name]}.0" in reports[name]["reason"]
    assert "this core needs 1 (" in reports[name]["reason"]
    assert remedy in reports[name]["reason"]


@pytest.mark.parametrize("name", ["hangs", "create_hangs"])
def test_one_that_hangs(name: str, reports: dict[str, Any]) -> None:
    report = reports[name]
    assert report["state"] == "broken"
    assert "it hung: no answer within 15 s (in " in report["reason"]
    assert f"fake_{name}.py:" in report["reason"], "it says where"
    assert 14 < report["seconds"] < 22


def test_a_probe_that_crashes(reports: dict[str, Any]) -> None:
    assert reports["crashes"]["state"] == "broken"
    assert "its process was ended by SIGABRT" in reports["crashes"]["reason"]


def test_wrong_results(reports: dict[str, Any]) -> None:
    assert reports["wrong"]["state"] == "broken"
    assert "the self-check failed on wrong:0: wrong by" in reports["wrong"]["reason"]


def test_absent(python: Path, reports: dict[str, Any]) -> None:
    reason = "fake-no-device 1.2 is installed and finds no such device"
    assert (reports["no_device"]["state"], reports["no_device"]["reason"]) == (
        "absent",
        reason,
    )
    asked = ask(python, "nx.init({'device': 'no_device'})", "no_device")
    assert f"DeviceError: device type 'no_device' is absent: {reason}" in asked.stderr
    well_known = reports["rocm"]
    assert well_known["state"] in ("absent", "available")
    if well_known["state"] == "absent":  # with its package, or without
        told = ("no AMD GPU", "pip install ./neurenix-backend-rocm in a clone")
        assert any(text in well_known["reason"] for text in told)


def test_good(reports: dict[str, Any]) -> None:
    report = reports["good"]
    assert (report["state"], report["distribution"]) == ("available", "fake-good")
    assert (report["version"], report["api_version"]) == ("1.2", API_VERSION)
    assert [d["check"] for d in report["devices"]] == ["passed"]


def lines(text: str, start: str) -> Sequence[str]:
    return [line for line in text.splitlines() if start in line]


def test_automatic_choice_says_what_it_passes_over(python: Path) -> None:
    done = ask(python, "print(nx.current_device())", "good,raises,create_fails,stale")
    assert done.stdout.split() == ["good:0"]
    (warning,) = lines(done.stderr, "RuntimeWarning")
    assert "using good; passed over " in warning
    for name in ("raises", "stale"):
        assert f"{name}: fake-{name} 1.2 is installed but broken: " in warning

    done = ask(python, "print(nx.current_device())", "raises,create_fails")
    assert done.stdout.split() == ["reference:0"]
    (warning,) = lines(done.stderr, "RuntimeWarning")
    assert "no compiled backend (" in warning and "MemoryError: full" in warning


def test_the_allow_list_comes_before_any_import(python: Path) -> None:
    code = "import sys\nnx.init()\nprint([m for m in sys.modules if 'fake' in m])"
    done = ask(python, code, "good")
    assert done.stdout.strip() == "['fake_good']"
    assert "Warning" not in done.stderr

    done = ask(python, "nx.init({'device': 'good'})", "cpu, wrong")
    assert (
        "DeviceError: device type 'good' is absent: "
        "NEURENIX_BACKENDS=cpu, wrong does not allow it"
    ) in done.stderr

    done = ask(python, "nx.init()", "no_such_type")
    (warning,) = lines(done.stderr, "RuntimeWarning")
    assert "NEURENIX_BACKENDS=no_such_type allows none of " in warning

    done = ask(python, "nx.init()", "godo")
    (warning,) = lines(done.stderr, "RuntimeWarning")
    assert "NEURENIX_BACKENDS=godo (did you mean good?) allows none of " in warning


def test_the_doctor_in_words(python: Path) -> None:
    done = run(python, "-m", "neurenix", "doctor", "good", "raises", "reference")
    assert done.returncode == 1
    assert lines(done.stdout, f"good       available  fake-good 1.2 ({API})")
    assert lines(done.stdout, "good:0  NumPy, 1 thread, self-check: passed")
    assert lines(done.stdout, "raises     broken     fake-raises 1.2 is installed but")
    assert run(python, "-m", "neurenix", "doctor", "reference").returncode == 0
    refused = run(python, "-m", "neurenix", "doctor", "--timeout", "0")
    assert refused.returncode == 2 and "expected more than 0" in refused.stderr
