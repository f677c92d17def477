"""The progress bar: on a terminal, in a notebook, in a log file."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest

from neurenix.meta import MAML, MLP, ProgressBar, generate_regression_tasks
from neurenix.meta.training import progress

PROGRAM = """
import neurenix as nx
from neurenix.meta import MAML, MLP, Callback, ProgressBar, generate_regression_tasks
nx.init({"device": "reference"})
MAML(MLP([1, 4, 1])).meta_learn(generate_regression_tasks(8, 5, seed=0), epochs=3)
"""


def test_on_a_terminal_it_is_one_line():
    """Of a real pseudo-terminal, 40 columns wide: carriage returns, one line feed."""
    outer, inner = pty.openpty()
    subprocess.run(["stty", "rows", "24", "cols", "40"], stdin=inner, check=True)
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stderr=inner) as process:
        os.close(inner)
        shown = b""
        while True:
            try:
                part = os.read(outer, 4096)
            except OSError:  # Linux: the other end is closed
                break
            if not part:
                break
            shown += part
    os.close(outer)
    text = shown.decode()
    assert process.returncode == 0, text
    assert text.count("\n") == 1 and "\r" in text and "MAML: 100%" in text
    assert max(map(len, re.split(r"[\r\n]", text))) <= 40


def lines_of(capsys, monkeypatch, seconds, **options):
    """What a log file gets, with a clock that goes by so much at each look."""
    now = iter(range(0, 10**6, seconds))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(now)))
    learner = MAML(MLP([1, 4, 1]))
    learner.meta_learn(
        generate_regression_tasks(8, 5, seed=0),
        epochs=3,
        tasks_per_batch=1,
        callbacks=[ProgressBar(**options)],
        progress=False,
    )
    return capsys.readouterr().err


def test_a_log_file_has_whole_lines(capsys, monkeypatch, compiled_device):
    text = lines_of(capsys, monkeypatch, 10, every=60)
    assert "\r" not in text and text.endswith("\n")
    found = text.splitlines()
    assert 2 <= len(found) <= 8
    for line in found:
        assert re.fullmatch(
            r"MAML: \d+ of 24 steps \(\d+ %\), [\d:]+<[\d:]+, loss [\d.e+-]+", line
        ), line
    assert found[-1].startswith("MAML: 24 of 24 steps (100 %)")


def test_a_short_run_leaves_a_log_file_alone(capsys, monkeypatch, compiled_device):
    assert lines_of(capsys, monkeypatch, 1, every=3600) == ""


def test_in_a_notebook():
    """Run by a real kernel: a bar that ends full, of widgets where there are any."""
    nbformat = pytest.importorskip("nbformat", reason="no notebooks here")
    nbclient = pytest.importorskip("nbclient", reason="no notebooks here")
    pytest.importorskip("ipykernel", reason="no notebooks here")
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(PROGRAM)]
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    shown = str(notebook.cells[0].outputs) + str(notebook.metadata)
    assert "MAML" in shown and "6/6" in shown, shown
    assert "Warning" not in shown
