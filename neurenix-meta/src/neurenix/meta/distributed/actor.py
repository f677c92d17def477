"""The actor that a worker is to Ray."""

from __future__ import annotations

from .ray_package import ray_package
from .worker import Worker


class WorkerActor(Worker):
    """A worker that knows where it is."""

    def node(self) -> str:
        """Its node, as Ray's tools show it: the address, and how its number begins."""
        ray = ray_package()
        number = ray.get_runtime_context().get_node_id()
        return f"{ray.util.get_node_ip_address()} ({number[:8]})"
