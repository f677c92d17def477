"""The job of many machines: what it prints, and the file of it for Kubernetes."""

import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import neurenix as nx
from neurenix.meta import MAML, MLP, generate_regression_tasks

FOLDER = Path(__file__).parents[1] / "examples" / "many_machines"


def weights(folder: Path, *asked: str) -> str:
    """The digest that it prints."""
    done = subprocess.run(
        [sys.executable, str(FOLDER / "train.py"), *asked],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "RAY_ADDRESS": "local"},  # a cluster of its own
    )
    assert done.returncode == 0, done.stderr
    (found,) = re.findall(r"^weights (\w{16})$", done.stdout, re.M)
    return found


def test_two_workers_give_the_weights_of_one_process(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    checkpoint = tmp_path / "sine"
    two = "--workers", "2", "--epochs", "2", "--checkpoint", str(checkpoint)
    then = weights(tmp_path, *two)
    assert len(list(checkpoint.iterdir())) == 2

    nx.manual_seed(0)
    learner = MAML(MLP([1, 40, 40, 1]), inner_steps=5)
    tasks = generate_regression_tasks(256, 10, seed=0)
    learner.meta_learn(tasks, epochs=2, tasks_per_batch=32, progress=False)
    digest = runpy.run_path(str(FOLDER / "train.py"))["digest"]
    assert then == digest(learner)


@pytest.fixture
def job() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / "rayjob.yaml").read_text())
    return loaded


def test_the_job_asks_for_what_train_takes(
    job: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    program, script, *flags = shlex.split(job["spec"]["entrypoint"])
    assert (program, Path(script).name) == ("python", "train.py")
    monkeypatch.setattr(sys, "argv", ["train.py", *flags, "--help"])
    with pytest.raises(SystemExit) as ended:  # unknown flags end it with 2
        runpy.run_path(str(FOLDER / "train.py"), run_name="__main__")
    assert ended.value.code == 0
    (gpus,) = job["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    given = dict(zip(flags[::2], flags[1::2]))
    assert int(given["--workers"]) == gpus["maxReplicas"]
    assert int(given["--at-least"]) == gpus["minReplicas"] == gpus["replicas"]
    (container,) = gpus["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"


def test_all_of_the_job_have_one_image_and_one_folder(job: dict[str, Any]) -> None:
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    parts = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    pods = [part["template"]["spec"] for part in parts]
    assert len({pod["containers"][0]["image"] for pod in pods}) == 1
    for pod in pods:
        (mount,) = pod["containers"][0]["volumeMounts"]
        assert "--checkpoint /shared/" in job["spec"]["entrypoint"]
        assert mount == {"name": pod["volumes"][0]["name"], "mountPath": "/shared"}
