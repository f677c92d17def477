"""The programs of benchmarks/gpu tell what is wrong, on the emulated CUDA engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from emulated_engine import CUDA, ROOT, run

GPU = ROOT / "benchmarks" / "gpu"
CUDA.require_built()


def made_code(folder: Path, **settings: str) -> tuple[int, str]:
    """Status and last line of the check of made code on w1."""
    arguments = [str(GPU / "made_code.py"), "--only", "w1", "--small"]
    nvrtc = str(CUDA.folder() / "libphynexus_fake_nvrtc.so")
    done = run(
        [*arguments, "--seconds", "0.01"],
        folder,
        CUDA,
        NEURENIX_CACHE=str(folder / "cache"),
        **{
            "NEURENIX_NVRTC": nvrtc,
            "PHYNEXUS_FAKE_COMPILER_FOLDER": str(folder),
            **settings,
        },
    )
    assert done.stdout, done.stderr
    return done.returncode, done.stdout.splitlines()[-1]


@pytest.mark.nightly  # two minutes; each rehearsal of the check has it as a stage
def test_made_code_that_runs_passes(tmp_path: Path) -> None:
    status, last = made_code(tmp_path)
    assert (status, last.split(";")[0]) == (0, "the same bits")


def test_code_that_cannot_be_made_fails(tmp_path: Path) -> None:
    status, last = made_code(tmp_path, PHYNEXUS_FAKE_COMPILER="fail=1")
    assert status == 1
    assert "could not be made" in last
    assert "no plan has run made code" in last


def test_without_a_compiler_nothing_is_checked(tmp_path: Path) -> None:
    status, last = made_code(tmp_path, NEURENIX_NVRTC="/nowhere/libnvrtc.so")
    assert status == 0
    assert last.startswith("not run: no code at run time")


def test_memory_that_stays_flat(tmp_path: Path) -> None:
    done = run(
        [str(GPU / "ours.py"), "w1", "--small", "--growth", "200"],
        tmp_path,
        CUDA,
        NEURENIX_GPU_CODE="0",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("200 steps of w1 filled tensors by 0 bytes, card by ")
    assert done.stdout.endswith(": flat\n")


@pytest.mark.parametrize("grown", ["tensors", "card", "host"])
def test_memory_that_grows_is_told(
    grown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(GPU))
    monkeypatch.setattr("sys.argv", ["ours.py", "w1", "--growth", "200"])
    import ours  # type: ignore[import-not-found]

    added = {"tensors": 0, "card": 0, "host": 0, grown: 40 << 20}
    monkeypatch.setattr(ours, "growth", lambda *_: added)
    monkeypatch.setattr(ours.nx, "init", lambda _: None)
    assert ours.main() == 1
    assert capsys.readouterr().out.endswith(f": {grown} GREW\n")


def after_fault(folder: Path, before: str) -> tuple[int, str]:
    """Status and last line of the check after a fault, with `before` run first."""
    script = f"import sys; sys.path.insert(0, {str(GPU)!r}); import after_fault as a\n"
    script += f"{before}\nsys.argv = ['a']\nsys.exit(a.main())"
    done = run(["-c", script], folder, CUDA)
    assert done.stdout, done.stderr
    return done.returncode, done.stdout.splitlines()[-1]


def test_after_a_fault_work_goes_on(tmp_path: Path) -> None:
    last = "after error 700 the next nx.init works"
    assert after_fault(tmp_path, "") == (0, last)


def test_after_a_fault_that_stays_it_is_said_why(tmp_path: Path) -> None:
    gone = """
def gone(index, fault=a.fault):
    driver = a.ctypes.CDLL("libcuda.so.1")
    driver.phynexus_fake_set(b"gone", a.ctypes.c_int64(1))
    return fault(index)
a.fault = gone
"""
    status, last = after_fault(tmp_path, gone)
    assert status == 0
    assert last.startswith("after error 700 the next nx.init says why not: ")
    assert "does not open again: cuDevice" in last


def test_a_fault_that_nobody_notices_fails(tmp_path: Path) -> None:
    status, last = after_fault(tmp_path, "a.fault = lambda index: 700")
    assert (status, last.split(" of ")[0]) == (1, "after error 700")


# The recipe as it is, but for its size: generated characters, four filters.
SMALL_OMNIGLOT = """
from functools import partial
from neurenix.meta import recipes
from neurenix.meta.recipes import gradient
from neurenix.meta.datasets import Glyphs

def drawn(n):
    return Glyphs(range(12 * n, 12 * n + 12))

data = {part: drawn(n) for n, part in enumerate(recipes.glyphs())}
gradient.Conv4 = partial(gradient.Conv4, hidden=4)
small = partial(recipes.maml_omniglot, data=data, tasks_per_batch=2, test_tasks=3)
recipes.maml_omniglot = small
sys.argv = ["omniglot.py", "--iterations", "2", "--folder", "here"]
omniglot.main()
"""


def test_the_long_training_in_small(tmp_path: Path) -> None:
    script = f"import sys; sys.path.insert(0, {str(GPU)!r}); import omniglot\n"
    done = run(["-c", script + SMALL_OMNIGLOT], tmp_path, CUDA, NEURENIX_GPU_CODE="0")
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith("2 iterations of 2 tasks in ") and " on cuda:0; " in last
    assert last.endswith(" %, the paper's 98.7 %")
    assert (tmp_path / "here" / "best.safetensors").exists()
    assert list((tmp_path / "here" / "checkpoints").iterdir())


def cells(table: str, name: str) -> list[str]:
    """The row of a case in a table of Markdown: what no figure of a card is in."""
    (row,) = (x for x in table.splitlines() if x.startswith(f"| {name} |"))
    return [cell.strip() for cell in row.split("|")[1:7]]


def test_the_documented_counts_are_those_of_the_lowering(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    counted = page.partition("<!-- counted on GPUs -->")[2]
    model = str(ROOT / "benchmarks" / "gpu_model.py")
    done = run([model, "--only", "w1"], tmp_path, CUDA)
    assert done.returncode == 0, done.stderr
    assert cells(counted, "w1") == cells(done.stdout, "w1")
