"""A worker whose node runs out of memory, and is killed for it by Ray."""

import os
import time

import pytest
from ray_nodes import cluster

from neurenix import meta, nn
from neurenix.errors import OutOfMemoryError
from neurenix.meta.distributed import RayStrategy


def memory() -> dict[str, int]:
    """Of this machine, in KiB."""
    with open("/proc/meminfo") as lines:
        return {line.split(":")[0]: int(line.split()[1]) for line in lines}


@pytest.mark.nightly
def test_it_is_replaced_and_a_share_that_does_it_again_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, home = memory(), os.getpid()
    allowed = now["MemTotal"] - now["MemAvailable"] + (2 << 20)
    threshold = str(allowed / now["MemTotal"])
    monkeypatch.setenv("RAY_memory_usage_threshold", threshold)
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "100")

    class Hoards(nn.Module):
        """Takes 4 GiB while a worker captures it."""

        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(1, 1)

        def forward(self, x):
            hoard = []
            while os.getpid() != home and len(hoard) < 64:
                hoard.append(b"x" * (64 << 20))
                time.sleep(0.05)
            return self.layer(x)

    learner = meta.MAML(Hoards(), inner_steps=1)
    tasks = meta.generate_regression_tasks(4, 5, seed=0)
    with cluster(1), RayStrategy(workers=1) as strategy:
        with pytest.raises(OutOfMemoryError, match="2 workers ran out of memory over"):
            learner.meta_learn(tasks, progress=False, strategy=strategy)
        kinds = [change.kind for change in strategy.changes]
        assert kinds == ["joined", "lost", "joined", "lost"]
