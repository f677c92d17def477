"""What Ray raises, as errors of ours, with the worker; no cluster is needed."""

from __future__ import annotations

import types
from typing import Any

import numpy as np
import pytest

from neurenix.errors import InvalidArgumentError, OutOfMemoryError, WorkerError
from neurenix.meta.distributed.about import about_here
from neurenix.meta.distributed.crew import Job
from neurenix.meta.distributed.pool import Lost
from neurenix.meta.distributed.ray_pool import RayPool, RayTicket, RayWorker
from neurenix.settings import current_device

ray = pytest.importorskip("ray", reason="Ray is not installed")
errors = ray.exceptions

NO_CLASS = """The actor with name WorkerActor failed to import on the worker. This may \
be because needed library dependencies are not installed in the worker environment:

Traceback (most recent call last):
  File "function_manager.py", line 700, in _load_actor_class_from_gcs
ModuleNotFoundError: No module named 'neurenix'
"""


class FakeRay:
    """Raises an error from each call of Ray."""

    exceptions = errors

    def __init__(self, error: Exception) -> None:
        self.error = error

    def get_runtime_context(self) -> Any:
        return types.SimpleNamespace(gcs_address="127.0.0.1:1")

    def put(self, value: object) -> Any:
        raise self.error

    get = put


def task(cause: Exception) -> Any:
    return errors.RayTaskError("start", str(cause), cause, pid=5, ip="10.0.0.7")


def raised(cause: Exception) -> Exception:
    """As Ray raises it of a job."""
    made: Exception = task(cause).as_instanceof_cause()
    return made


@pytest.fixture
def pool_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    def made(error: Exception) -> tuple[RayPool, RayTicket]:
        fake = FakeRay(error)
        path = "neurenix.meta.distributed.ray_pool.ray_package"
        monkeypatch.setattr(path, lambda: fake)
        pool = RayPool(about_here(current_device()), {"CPU": 1.0})
        return pool, RayTicket(RayWorker(3, None, None, None), None)

    return made


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (
            errors.ActorDiedError(task(RuntimeError(NO_CLASS))),
            WorkerError,
            r"worker 3 at 10\.0\.0\.7 cannot import .*No module named 'neurenix'\)",
        ),
        (
            errors.RuntimeEnvSetupError("pip install of nothing failed"),
            WorkerError,
            "worker 3: Failed to set up .* pip install of nothing failed",
        ),
        (raised(OSError("no such folder")), WorkerError, "worker 3 .*no such folder"),
        (raised(InvalidArgumentError("bad")), InvalidArgumentError, "worker 3: bad"),
        (errors.WorkerCrashedError(), Lost, "worker died"),
    ],
    ids=["class", "environment", "any", "ours", "lost"],
)
def test_a_worker_that_cannot_make_itself_ready(
    pool_of: Any, error: Exception, kind: type[Exception], message: str
) -> None:
    pool, ticket = pool_of(error)
    with pytest.raises(kind, match=message):
        pool.node(ticket)


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (errors.OutOfDiskError("no room"), WorkerError, "^worker 3: no room$"),
        (raised(errors.ObjectStoreFullError("full")), WorkerError, "^worker 3: full"),
        (errors.RpcError("unreachable"), WorkerError, "^worker 3: .*unreachable"),
        (raised(ValueError("a loss of text")), ValueError, "a loss of text"),
        (
            raised(MemoryError("all is gone")),
            OutOfMemoryError,
            "worker 3 .*all is gone",
        ),
    ],
    ids=["disk", "store", "call", "job", "memory"],
)
def test_what_comes_of_a_job(
    pool_of: Any, error: Exception, kind: type[Exception], message: str
) -> None:
    pool, ticket = pool_of(error)
    with pytest.raises(kind, match=message):
        pool.result(ticket)


@pytest.mark.parametrize("kind", [errors.ObjectStoreFullError, errors.OutOfDiskError])
def test_a_store_without_room(pool_of: Any, kind: type[Exception]) -> None:
    pool, _ = pool_of(kind("it is full"))
    large = np.zeros(1 << 20, np.uint8)
    for call in (pool.put, pool.ship):
        with pytest.raises(WorkerError, match=r"does not take it \(it is full\)"):
            call(large)
    assert pool.put(large[:100]) is not None  # which goes with the call


def test_a_call_that_cannot_be_made(pool_of: Any) -> None:
    pool, ticket = pool_of(ValueError())

    def remote(*arguments: object) -> None:
        raise errors.ObjectStoreFullError("it is full")

    method = types.SimpleNamespace(remote=remote)
    ticket.worker.actor = types.SimpleNamespace(sums=method)
    with pytest.raises(WorkerError, match=r"what worker 3 is asked: .*it is full"):
        pool.ask(ticket.worker, Job("sums", (), 0))
