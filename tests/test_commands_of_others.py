"""Commands that distributions add to `neurenix`, and those that core has itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from neurenix.cli import main

COMMAND = [sys.executable, "-m", "neurenix"]


def plugin(folder: Path, name: str, distribution: str, code: str) -> None:
    """An installed distribution with one command."""
    module = distribution.replace("-", "_")
    (folder / f"{module}.py").write_text(code)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
    )
    (info / "entry_points.txt").write_text(
        f"[neurenix.commands]\n{name} = {module}:command\n"
    )


GREET = '''
import sys
assert "neurenix.meta" not in sys.modules, "a command imports itself alone"
def command(name: str, loud: bool = False) -> None:
    """Greet somebody.

    Examples:
        neurenix greet you
    """
    print(f"hello {name}" + "!" * loud)
'''


def test_commands_of_others(tmp_path: Path) -> None:
    """One that works, one that is broken, and two of one name."""
    plugin(tmp_path, "greet", "good-plugin", GREET)
    plugin(tmp_path, "bad", "bad-plugin", "import nothing_of_this_name\n")
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments], capture_output=True, text=True, env=env
        )

    assert ask("greet", "you", "--loud").stdout == "hello you!\n"
    assert "neurenix greet you" in ask("greet", "--help").stdout
    done = ask("bad")
    assert done.returncode == 1 and "bad-plugin is installed but broken" in done.stderr
    assert "nothing_of_this_name" in done.stderr
    plugin(tmp_path, "greet", "other-plugin", GREET)
    done = ask("greet", "you")
    assert done.returncode == 1
    assert (
        "'greet' is in two distributions, good-plugin and other-plugin" in done.stderr
    )


def test_without_typer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`doctor` works, and the others say what they need."""
    monkeypatch.setitem(sys.modules, "typer", None)
    assert main(["doctor", "reference", "--json"]) == 0
    out = capsys.readouterr().out
    assert json.loads(out)["device_types"][0]["state"] == "available"
    with pytest.raises(SystemExit) as ended:
        main(["train", "--ways", "3"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "'train' needs the packages typer" in said
    assert 'pip install "./neurenix-meta[cli]" in a clone of Neurenix' in said
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "cdua"])
    assert ended.value.code == 2
    assert "no device type 'cdua'; did you mean cuda?" in capsys.readouterr().err


def test_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "reference", "--json"]) == 0
    out = capsys.readouterr().out
    assert json.loads(out)["device_types"][0]["state"] == "available"
    assert main(["doctor", "reference"]) == 0
    assert "reference" in capsys.readouterr().out
    assert main(["doctor", "reference", "cdua"]) == 2
    found = capsys.readouterr()
    assert "no device type 'cdua'; did you mean cuda? There are " in found.err
    assert not found.out
    assert main(["doctor", "--timeout", "0"]) == 2
    assert "--timeout 0" in capsys.readouterr().err
