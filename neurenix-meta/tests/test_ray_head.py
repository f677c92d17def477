"""The head of a cluster is killed: another cluster goes on, to the same bits."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from killed_runs import Doing, alone, trained
from ray_nodes import cluster, kill, ray

from neurenix.errors import HeadLostError
from neurenix.meta.distributed import RayStrategy, ray_package
from neurenix.meta.distributed.head import Head

# A run whose machine is lost: its cluster, all its processes and itself.
LOST = """
import sys, os, signal
from killed_runs import Doing, trained
from ray_nodes import cluster
from neurenix.meta.distributed import RayStrategy

def all_is_lost(doing):
    os.killpg(0, signal.SIGKILL)

with cluster(2), RayStrategy(workers=2) as strategy:
    trained(strategy, [Doing({6: all_is_lost})], checkpoint=sys.argv[1])
"""


@pytest.mark.parametrize(
    "how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hangs"]
)
def test_the_head_is_lost_and_a_run_goes_on_with_another_cluster(
    how: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed; or hangs, so that its machine still takes connections for it."""
    monkeypatch.setattr(Head, "grace", 2.0)
    monkeypatch.setattr(ray_package, "_LEAVING", 5.0)
    with cluster(1) as made, RayStrategy(workers=1) as strategy:
        (server,) = made.head_node.all_processes["gcs_server"]

        def behead(doing: Doing) -> None:
            kill(server.process.pid, number=how)

        def wait(doing: Doing) -> None:
            time.sleep(3.0)

        # Steps go on until it has been silent for so long.
        doing = Doing({5: behead, 6: wait, 7: wait})
        with pytest.raises(HeadLostError, match="call meta_learn again") as raised:
            trained(strategy, [doing], checkpoint=tmp_path)
        assert raised.value.history["loss"]
        if how == signal.SIGSTOP:
            assert "start the process again" in str(raised.value)
        kill(server.process.pid)
        while ray.is_initialized():  # until now Ray waited for it
            time.sleep(0.1)
    # when its silence is noticed depends on the machine's load
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names[0] == "checkpoint-000000004.safetensors" and len(names) == 2
    assert int(names[1][-15:-12]) in range(5, 9)
    assert trained(checkpoint=tmp_path) == alone()


# the process that is killed chooses its device by itself
@pytest.mark.usefixtures("compiled_device")
def test_the_head_with_all_processes_is_killed_and_a_run_goes_on(
    tmp_path: Path,
) -> None:
    lost = subprocess.run(
        [sys.executable, "-c", LOST, str(tmp_path)],
        cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        start_new_session=True,  # a group of its own, which is killed as a whole
        capture_output=True,
        text=True,
    )
    assert lost.returncode == -signal.SIGKILL, lost.stderr
    names = [path.name for path in tmp_path.iterdir()]
    assert names == ["checkpoint-000000004.safetensors"]
    assert trained(checkpoint=tmp_path) == alone()  # by this process, without Ray
