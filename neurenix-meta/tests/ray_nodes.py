"""Clusters of several nodes on this machine, and how their parts are killed."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

ray = pytest.importorskip("ray", reason="Ray is not installed")

from ray._private.node import Node  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402

from neurenix.meta.distributed import RayStrategy  # noqa: E402
from neurenix.meta.distributed.ray_pool import RayWorker  # noqa: E402

_STORE = 100 << 20  # bytes, a node


@contextmanager
def cluster(*cores: int) -> Iterator[Cluster]:
    """A head without cores, and a node for each number of cores; connected to."""
    made = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0,
            "include_dashboard": False,
            "object_store_memory": _STORE,
        },
    )
    try:
        for count in cores:
            add_node(made, count)
        ray.init(address=made.address, log_to_driver=False)
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


def add_node(made: Cluster, cores: int, **environment: str) -> Node:
    return made.add_node(
        num_cpus=cores, object_store_memory=_STORE, env_vars=environment or None
    )


def workers(strategy: RayStrategy) -> list[RayWorker]:
    """Those that are ready."""
    return [w for w in strategy._crew.members.ready if isinstance(w, RayWorker)]


def call(worker: RayWorker, f: Callable[[object], Any]) -> Any:
    """What a function gives in a worker's process."""
    return ray.get(worker.actor.__ray_call__.remote(f))


def process_of(worker: RayWorker) -> int:
    return call(worker, lambda self: os.getpid())


def node_of(made: Cluster, worker: RayWorker) -> Node:
    """The node that a worker is on."""
    (found,) = [
        node for node in made.worker_nodes if f"({node.node_id[:8]})" in worker.node
    ]
    return found


def kill(*processes: int, number: int = signal.SIGKILL) -> None:
    for process in processes:
        os.kill(process, number)


def processes_of(node: Node, on_it: list[RayWorker]) -> list[int]:
    """Of a node: what Ray runs there, and these workers."""
    own = [p.process.pid for some in node.all_processes.values() for p in some]
    return [*own, *map(process_of, on_it)]


def later(seconds: float, processes: list[int]) -> None:
    """Kills them from another thread, in so many seconds: while a step is made."""
    threading.Timer(seconds, kill, processes).start()
