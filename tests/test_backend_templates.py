"""docs/write-a-backend.md, command by command, in an empty folder; the quick starts on
the device that comes of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "write-a-backend.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)
END = "----- end of block"
pytestmark = pytest.mark.slow


def blocks() -> list[tuple[str, str]]:
    """Each block of commands, and the output that the page has below it."""
    found: list[tuple[str, str]] = []
    for kind, text in BLOCK.findall(PAGE.read_text("utf-8")):
        if kind == "sh":
            found.append((text, ""))
        elif kind == "text":
            found[-1] = (found[-1][0], text)
    return found


def pattern(expected: str) -> str:
    """Lines of output; … is anything, other lines may stand between."""
    lines = [".*".join(map(re.escape, x.split("…"))) for x in expected.splitlines()]
    return r"(?s:.*)" + r"\n(?s:.*)".join(lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stranger")


@pytest.fixture(scope="module")
def outputs(folder: Path) -> list[str]:
    """What each block printed: one shell runs them all, from an empty folder."""
    script = "".join(f"{text}\necho '{END}'\n" for text, _ in blocks())
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "NEURENIX", "PYTEST"))
    }
    # The interpreter of the tests is the python3 of a stranger's machine.
    path = f"{folder / 'bin'}:{kept['PATH']}"
    (folder / "bin").mkdir()
    base = Path(sys.base_prefix) / "bin" / "python3"
    (folder / "bin" / "python3").symlink_to(base)
    done = subprocess.run(
        ["bash", "-e", "-u", "-c", script],
        cwd=folder,
        env={**kept, "PATH": path, "CLONE": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout.split(f"{END}\n")[:-1]


@pytest.mark.parametrize("number", range(len(blocks())))
def test_a_block_prints_what_the_page_says(number: int, outputs: list[str]) -> None:
    commands, expected = blocks()[number]
    assert re.match(pattern(expected), outputs[number]), (
        f"{commands}\nprinted\n{outputs[number]}\nthe page says\n{expected}"
    )


@pytest.mark.parametrize("program", ["maml.py", "prototypical.py"])
def test_the_quick_starts_run_on_it(
    program: str, folder: Path, outputs: list[str]
) -> None:
    """With the device's name for the CPU's, and nothing else changed."""
    python = folder / "venv" / "bin" / "python"
    source = (ROOT / "tests" / "quickstart" / program).read_text("utf-8")
    assert 'else "cpu"' in source
    (folder / program).write_text(source.replace('else "cpu"', 'else "mychip:0"'))
    install = [python, "-m", "pip", "install", "--quiet", ROOT / "neurenix-meta"]
    for command in (install, [python, program]):
        done = subprocess.run(
            [str(part) for part in command],
            cwd=folder,
            env={k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    assert re.search(r"Average test (MSE|accuracy): \d+\.\d+", done.stdout)


def test_nothing_outside_of_a_template_names_its_device() -> None:
    """Adding a device needs no edit outside of its package."""
    name = re.compile(r"template_c|backend_template|device=.template")
    named = [
        path.relative_to(ROOT)
        for package in ROOT.glob("neurenix-*")
        for path in package.rglob("*.py")
        if name.search(path.read_text("utf-8"))
    ]
    assert not named
