"""The command `neurenix`: a user's way by it alone, and its errors."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

import neurenix as nx
from neurenix.cli import commands, main
from neurenix.cli.application import EXAMPLES
from neurenix.meta.commands.data import DATA
from neurenix.meta.commands.methods import METHODS, NETWORKS

SHAPES = {"bar": (40, 10, 60, 90), "dot": (35, 35, 65, 65), "line": (10, 45, 90, 55)}
SMALL = ["--hidden", "8", "--validation-tasks", "10"]
COMMAND = [sys.executable, "-m", "neurenix"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with signs/ (3 classes of 4 drawings), new/ (one of each), and run/."""
    folder = tmp_path_factory.mktemp("home")
    for name, box in SHAPES.items():
        for i in range(4):
            image = Image.new("RGB", (110, 100 + 10 * i), "white")
            ImageDraw.Draw(image).ellipse([x + 2 * i for x in box], fill="black")
            for part in (f"signs/{name}", "new") if i == 3 else (f"signs/{name}",):
                (folder / part).mkdir(parents=True, exist_ok=True)
                image.save(folder / part / f"{name}-{i}.png")
    before = Path.cwd()
    os.chdir(folder)
    try:
        assert main(["train", "--steps", "20", "--every", "10", *SMALL]) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(home)
    return home


def run(
    capsys: pytest.CaptureFixture[str], command: str, status: int = 0
) -> tuple[str, str]:
    """What a command prints; it ends with this status."""
    capsys.readouterr()
    found = main(shlex.split(command))
    out, err = capsys.readouterr()
    assert found == status, (command, out, err)
    return out, err


# ---- a user's way --------------------------------------------------------------------


def test_from_a_folder_to_a_prediction(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Train, evaluate, fit and predict, each a process of its own but for the first."""
    made = {path.name for path in (here / "run").iterdir()}
    assert made >= {"config.toml", "history.csv", "learner.safetensors", "checkpoints"}
    out, _ = run(capsys, "evaluate run --tasks 20 --json")
    score = json.loads(out)["scores"]["accuracy"]
    assert 0.2 < score["mean"] <= 1 and score["interval"] > 0
    for command in (
        "fit signs --out signs.safetensors",
        "predict signs.safetensors new",
    ):
        done = subprocess.run(
            [*COMMAND, *command.split()],
            env={
                **os.environ,
                "NEURENIX_BACKENDS": "cpu",
            },  # no word of those passed over
            capture_output=True,
            text=True,
            check=True,
        )
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[0] == ["file", "class", "confidence"]
    assert [row[:2] for row in rows[1:]] == [
        [f"new/{name}-3.png", name] for name in SHAPES
    ]
    assert done.stderr == ""


def test_the_same_prediction_as_table_csv_and_json(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "fit signs --out three.safetensors")
    out, _ = run(capsys, "predict three.safetensors new --top 2 --json")
    found = json.loads(out)
    assert [p["class"] for p in found] == list(SHAPES)
    run(capsys, "predict three.safetensors new --top 2 --csv found.csv")
    for stream in (
        (here / "found.csv").read_text(),
        run(capsys, "predict three.safetensors new --top 2 --csv -")[0],
    ):
        rows = list(csv.DictReader(io.StringIO(stream)))
        for row, prediction in zip(rows, found, strict=True):
            first, second = prediction["likeliest"]
            assert row["file"] == prediction["file"] and row["state"] == "known"
            assert float(row["confidence"]) == first["confidence"]
            assert row["class_2"] == second["class"]
    classifier = nx.meta.load("three.safetensors")  # type: ignore[attr-defined]
    expected = classifier.predict_proba("new").max(axis=1)
    assert np.allclose([p["likeliest"][0]["confidence"] for p in found], expected)


def test_none_of_these(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a threshold above all logits, everything is none of the classes."""
    run(capsys, "fit signs --out none.safetensors --calibrate 0.1")
    classifier = nx.meta.load("none.safetensors")  # type: ignore[attr-defined]
    assert classifier.threshold is not None
    classifier.threshold = 1e9
    classifier.save("none.safetensors")
    out, _ = run(capsys, "predict none.safetensors new/bar-3.png")
    assert "(none of these; bar)" in out
    (found,) = json.loads(
        run(capsys, "predict none.safetensors new/bar-3.png --json")[0]
    )
    assert found["state"] == "none" and found["class"] is None


def test_evaluating_a_classifier(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "fit signs --out all.safetensors")
    out, _ = run(capsys, "evaluate all.safetensors --data signs")
    assert out.startswith("accuracy 100.00% of 12 images") and "dot" in out
    out, _ = run(capsys, "evaluate all.safetensors --data signs --json")
    assert json.loads(out)["by_class"] == dict.fromkeys(SHAPES, 1.0)


def test_a_folder_with_parts(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Training, validation and test classes of one's own, and a learner that adapts."""
    for part in ("train", "validation", "test"):
        for name in SHAPES:
            target = here / "mine" / part / f"{part}-{name}"
            target.mkdir(parents=True)
            for file in (here / "signs" / name).iterdir():
                (target / file.name).write_bytes(file.read_bytes())
    out, err = run(
        capsys,
        "train --data mine --method maml -o inner_steps=1 --ways 3 --queries 2 "
        "--steps 4 --every 2 --channels 1 --invert --patience 1 --out mine-run "
        "--hidden 4",
    )
    assert "validation_accuracy" in out and err.count("\r") == 0
    out, _ = run(capsys, "evaluate mine-run --queries 3 --tasks 5 --steps 2")
    assert out.startswith("3-way 1-shot, test: accuracy ")
    assert len(out.splitlines()) == 5  # a table: before adaptation, after 1 and 2 steps
    run(capsys, "fit signs --embedding mine-run --out adapted.safetensors")
    out, _ = run(capsys, "predict adapted.safetensors new --json")
    assert {p["class"] for p in json.loads(out)} <= set(SHAPES)
    assert nx.meta.load("adapted.safetensors").preprocess.fit == "stretch"  # type: ignore[attr-defined]


def test_examples_in_help(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each runs, one after the other in one folder, as a reader would."""
    folder = home.parent / "examples"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("signs", "new"):
        (folder / name).symlink_to(home / name)
    order = ["train", "fit", "evaluate", "predict", "recipes", "reproduce", "export"]
    assert {*order} == {*commands.installed()}
    for name in order:
        told = commands.installed()[name].load().__doc__
        examples = told.partition(EXAMPLES)[2].split("\n")
        lines = [line.strip() for line in examples if line.strip()]
        assert lines, name
        for line in lines:
            assert line.startswith(f"neurenix {name} ") or line == f"neurenix {name}"
            run(capsys, line.removeprefix("neurenix "))


@pytest.mark.parametrize("method", METHODS)
def test_every_method(
    method: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trained, and made a classifier of: no command knows which method it has."""
    out = method.replace("+", "-plus")
    run(
        capsys,
        f"train --method {method} --ways 3 --queries 1 --steps 2 --every 2 --hidden 4 "
        f"--tasks-per-batch 2 --validation-tasks 2 --no-progress --out every-{out}",
    )
    run(capsys, f"fit signs --embedding every-{out} --out {out}.safetensors")
    (found,) = json.loads(
        run(capsys, f"predict {out}.safetensors new/dot-3.png --top 3 --json")[0]
    )
    confidences = [each["confidence"] for each in found["likeliest"]]
    assert len(confidences) == 3 and np.isclose(sum(confidences), 1)


# ---- settings ------------------------------------------------------------------------


def test_settings_go_round(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Flags, the file that they write, and a run of that file: the same settings."""
    flags = "--method maml --ways 3 --meta-lr 0.01 --seed 7 -o inner_lr=0.2"
    run(capsys, f"train {flags} -o inputs=values --save-config one.toml")
    run(capsys, "train --config one.toml --save-config two.toml")
    one, two = (
        Path(name).read_text().splitlines()[1:] for name in ("one.toml", "two.toml")
    )
    assert one == two
    run(
        capsys,
        "train --config one.toml --ways 4 -o inner_steps=2 --save-config two.toml",
    )
    text = Path("two.toml").read_text()
    assert "ways = 4" in text and "seed = 7" in text
    assert "inner_lr = 0.2" in text and "inner_steps = 2" in text


# the file's text → what the error says behind "c.toml"
CONFIGS = {
    "an unknown key": (
        "seed = 1\nwayz = 5\n", ":2: no setting 'wayz'; did you mean 'ways'?"
    ),
    "another library's": (
        "n_way = 5\n", ":1: no setting 'n_way'; did you mean 'ways'?"
    ),
    "dashes": (
        "meta-lr = 1\n", ":1: no setting 'meta-lr'; did you mean 'meta_lr'?"
    ),
    "a wrong type": (
        "# a\n\nways = '5'\n", ":3: ways='5'; expected a whole number"
    ),
    "a boolean": ("ways = true\n", ":1: ways=True; expected a whole number"),
    "a method": ("method = 'mamll'\n", ":1: method='mamll'; did you mean 'maml'"),
    "too small": ("shots = 0\n", ":1: shots=0; expected 1 or more"),
    "memory": ("max_memory = '2 lots'\n", ":1: max_memory='2 lots'"),
    "an option": (
        "method = 'maml'\n[options]\nfirst_order = true\ninner_stepz = 3\n",
        ":4: option 'inner_stepz': did you mean inner_steps?",
    ),
    "an inline table": ("options = {inner = 3}\n", ":1: option 'inner'"),
    "a table that is none": ("options = 3\n", ":1: options=3; expected a table"),
    "an option of others": (
        "[options]\ninner_lr = 1\n",
        ":2: option 'inner_lr': prototypical-networks has distance_metric",
    ),
    "an open array": (
        "seed = 1\n[options]\na = [1, 2\n", ":3: no TOML: the file ends within an array"
    ),
    "no TOML": ("seed = 1\nways = = 5\n", "c.toml:2: no TOML: "),
}  # fmt: skip


@pytest.mark.parametrize("case", CONFIGS)
def test_wrong_configurations(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The file and the line; nothing is written."""
    monkeypatch.chdir(tmp_path)
    text, told = CONFIGS[case]
    Path("c.toml").write_text(text)
    _, err = run(capsys, "train --config c.toml", 2)
    assert told in err and err.startswith("neurenix: c.toml:"), err
    assert os.listdir() == ["c.toml"]


# ---- wrong command lines -------------------------------------------------------------

WRONG = {
    "train --wayz 3": (2, "No such option: --wayz. Did you mean --ways?"),
    "train --n-way 3": (2, "Did you mean --ways?"),
    "train --learning-rate 1": (2, "Did you mean --meta-lr?"),
    "trian": (2, "no command 'trian'. Did you mean train? There are doctor"),
    "train --ways many": (2, "train: --ways many; expected a whole number"),
    "train --meta-lr=fast": (2, "train: --meta-lr fast; expected a number"),
    "predict --tpo 3": (2, "Did you mean --top?"),
    "train --unreadable skpi": (2, "unreadable='skpi'; did you mean 'skip'?"),
    "evaluate run --tasks many": (2, "--tasks many; expected a whole number"),
    "train --ways 1": (2, "ways=1; expected 2 or more"),
    "train --method protonet": (2, "expected prototypical-networks, matching"),
    "train --method prototypical-network": (2, "mean 'prototypical-networks'?"),
    "train -o inner_lr=1": (2, "option 'inner_lr': prototypical-networks has distance"),
    "train -o inner_steps=1": (2, "inner_steps is an option of maml, fomaml, anil"),
    "train -o inner_stepz=1": (2, "inner_steps is an option of maml, fomaml, anil"),
    "train --max-memory lots": (2, "max_memory='lots'; expected bytes"),
    "train -o inner_lr": (2, "expected NAME=VALUE"),
    "train --data nowhere --out x": (2, "neither a folder nor one of glyphs"),
    "train --data cifar-fs --size 84 --out x": (2, "size=84: cifar-fs has 32"),
    "train --data signs --ways 3 --queries 2 --patience 3 --out x": (
        2,
        "--validation-data",
    ),
    "train": (2, "run holds a run already: --resume run goes on with it"),
    "train --resume run --config a.toml": (2, "a run has its settings"),
    "train --resume run --ways 4": (1, "is of another run: "),
    "train --resume signs": (2, "signs is no run"),
    "train --config nowhere.toml": (2, "nowhere.toml cannot be read"),
    "train --device nodevice --out x": (1, "device type 'nodevice' is absent"),
    "fit signs --embedding conv4-glyphs-proto": (2, "mean conv4-glyphs-protonet?"),
    "export run --target paper": (1, "there is no target 'paper'"),
    "evaluate signs": (2, "signs is no run: there is no config.toml in it"),
    "evaluate run --ways 5000": (1, "classes"),
    "fit nowhere": (1, "there is no folder nowhere\n"),
    "fit nowhere --embedding nothing": (1, "there is no folder nowhere\n"),
    "fit run/checkpoints": (1, "in it\n"),
    "fit signs --square corp": (2, "--square corp; did you mean crop?"),
    "predict run/learner.safetensors new": (1, "learner"),
    "predict nothing.safetensors new": (1, "nothing.safetensors"),
    "predict run/learner.safetensors nowhere": (2, "no file or folder nowhere"),
    "recipes maml-omnigot": (2, "did you mean maml-omniglot"),
    "reproduce maml-sine -o shotz=1": (2, "shotz"),
}


@pytest.mark.parametrize("command", WRONG)
def test_wrong_command_lines(
    command: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The status, and a message that begins with the command's name; no traceback."""
    status, told = WRONG[command]
    before, config = set(os.listdir()), Path("run/config.toml").read_bytes()
    out, err = run(capsys, command, status)
    assert told in err and err.startswith("neurenix: ") and "Traceback" not in err
    assert Path("run/config.toml").read_bytes() == config
    assert out == "" and set(os.listdir()) <= before | {"x"}


@pytest.mark.filterwarnings("default")
def test_an_unreadable_image(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "fit signs --out u.safetensors")
    broken = here / "brök en.png"
    broken.write_bytes(b"no image")
    one = "predict u.safetensors 'brök en.png' new/bar-3.png"
    out, err = run(capsys, one, 1)
    assert "brök en.png is not a readable image" in err and out == ""
    assert "--unreadable skip leaves it out" in err and "Classifier" not in err
    out, err = run(capsys, f"{one} --unreadable skip")
    assert "(unreadable)" in out and "bar" in out
    assert err.startswith("neurenix: warning: 1 of 2 images are skipped: brök en.png")
    out, _ = run(capsys, f"{one} --unreadable skip --csv -")
    assert "brök en.png,unreadable,,\n" in out


@pytest.mark.filterwarnings("default")
def test_training_and_evaluating_without_an_unreadable_image(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in SHAPES:
        (here / "cut" / name).mkdir(parents=True)
        for file in (here / "signs" / name).iterdir():
            (here / "cut" / name / file.name).write_bytes(file.read_bytes())
    (here / "cut/dot/x.png").write_bytes(b"no image")
    run(capsys, "fit signs --out cut.safetensors")
    train = "train --data cut --ways 3 --queries 1 --steps 2 --hidden 4 --out cut-run"
    score = "evaluate cut.safetensors --data cut"
    episodes = "evaluate cut-run --data cut --ways 3 --queries 1 --tasks 2"
    for command in (train, score, episodes):
        _, err = run(capsys, command, 1) if command != episodes else ("", "")
        if err:
            assert "x.png" in err and "; --unreadable skip leaves it out\n" in err
        _, err = run(capsys, f"{command} --unreadable skip")
        assert "x.png" in err and "warning: 1 of 13 images are skipped" in err


# ---- Ctrl-C --------------------------------------------------------------------------


def test_ctrl_c_leaves_a_checkpoint(here: Path) -> None:
    """And going on gives the bits of a run that never stopped."""
    nx.init({"device": "cpu"})  # as the other process chooses
    some = [*COMMAND, "train", "--every", "10", "--steps", "200", "--hidden", "4"]
    some += ["--validation-tasks", "5", "--tasks-per-batch", "1"]
    with subprocess.Popen(
        [*some, "--out", "cut"], stderr=subprocess.PIPE, text=True
    ) as process:
        while not list(here.glob("cut/checkpoints/checkpoint-*")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "neurenix train --resume cut" in err and "Traceback" not in err
    assert not (here / "cut/learner.safetensors").exists()
    assert main(["train", "--resume", "cut"]) == 0
    assert main([*some[3:], "--out", "whole"]) == 0
    assert (here / "cut/history.csv").read_text() == (
        here / "whole/history.csv"
    ).read_text()
    for name in ("learner.safetensors", "best.safetensors"):
        one, other = (
            nx.load(here / run / name)["learner"]["values"] for run in ("cut", "whole")
        )
        assert one.keys() == other.keys() and len(one) > 8
        for key, value in one.items():
            assert np.array_equal(value.numpy(), other[key].numpy()), key


# ---- terminals, completion -----------------------------------------------------------


def in_a_terminal(command: list[str], columns: int, **environment: str) -> str:
    """What it writes to a pseudo-terminal of this width."""
    outer, inner = pty.openpty()
    subprocess.run(
        ["stty", "rows", "24", "cols", str(columns)], stdin=inner, check=True
    )
    env = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "DISPLAY")}
    env |= {"TERM": "xterm", "NEURENIX_BACKENDS": "cpu", **environment}
    with subprocess.Popen(command, stdout=inner, stderr=inner, env=env) as process:
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
    assert process.returncode == 0, shown
    return re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())


def test_a_narrow_terminal(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is wider than it, and nothing is cut off. No display is needed."""
    run(capsys, "fit signs --out narrow.safetensors")
    text = in_a_terminal([*COMMAND, "predict", "narrow.safetensors", "new"], 24)
    assert max(map(len, text.splitlines())) <= 24
    columns = "".join(line[:12].split(" ")[0] for line in text.splitlines())
    assert "new/" in columns and "…" not in text
    assert "Meta-train" in in_a_terminal([*COMMAND, "train", "--help"], 40)


def test_no_terminal(here: Path) -> None:
    """Whole lines without control characters, however long a name is."""
    long = "very-" * 30 + "long.png"
    (here / long).write_bytes((here / "new/bar-3.png").read_bytes())
    assert main(["fit", "signs", "--out", "long.safetensors"]) == 0
    done = subprocess.run(
        [*COMMAND, "predict", "long.safetensors", long],
        capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert long in done.stdout and "\x1b" not in done.stdout and "\r" not in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    """The script, and what it asks for."""
    env = {**os.environ, "_NEURENIX_COMPLETE": f"source_{shell}"}
    done = subprocess.run(COMMAND, capture_output=True, text=True, env=env, check=True)
    assert "_NEURENIX_COMPLETE" in done.stdout and "neurenix" in done.stdout
    if shell == "bash":
        env |= {"_NEURENIX_COMPLETE": "complete_bash", "COMP_CWORD": "1"}
        env |= {"COMP_WORDS": "neurenix ev"}
        done = subprocess.run(COMMAND, capture_output=True, text=True, env=env)
        assert done.stdout.split() == ["evaluate"]
        env |= {"COMP_WORDS": "neurenix train --meth", "COMP_CWORD": "2"}
        done = subprocess.run(COMMAND, capture_output=True, text=True, env=env)
        assert done.stdout.split() == ["--method"]


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for asked in ("", "--help"):
        out, _ = run(capsys, asked)
        for name in ("doctor", *commands.installed()):
            assert f" {name} " in out
        assert "Exit status: 0 done" in out
    told = re.sub(r"\s+", " ", run(capsys, "train --help")[0])
    for name in (*METHODS, *DATA, *NETWORKS):
        assert re.search(rf" {re.escape(name)}[,;. ]", told), name
    assert run(capsys, "--version")[0].startswith("neurenix ")
