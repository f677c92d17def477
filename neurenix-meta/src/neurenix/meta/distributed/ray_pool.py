"""RayPool: workers as actors of a Ray cluster."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurenix.errors import NeurenixError, OutOfMemoryError, WorkerError

from .actor import WorkerActor
from .crew import Job
from .head import Head
from .messages import About
from .pool import Lost, Pool, Ticket, Worker
from .ray_package import ray_package
from .same import check_same
from .shipping import room_for, shipped

# Ray hands smaller arguments over with the call; others go by the nodes' object stores.
_INLINE_BYTES = 1 << 16
# What an actor dies of whose class could not be imported.
_NO_CLASS = "failed to import on the worker"
_ADDRESS = re.compile(r"\bip=([^\s,)]+)")


class RayWorker(Worker):
    """A worker that is an actor.

    actor    Ray's handle of a `WorkerActor`
    placed   Ray's reference of its node, which it says as soon as it is there
    about    and of what it says of itself, once it has its device
    """

    def __init__(self, number: int, actor: Any, placed: Any, about: Any) -> None:
        super().__init__(number)
        self.actor = actor
        self.placed = placed
        self.about = about


@dataclass(eq=False)
class RayTicket(Ticket):
    """An object that Ray will have, from a worker."""

    worker: RayWorker
    reference: Any


class RayPool(Pool):
    """Actors of the Ray cluster that this process is connected to, one a device.

    like        whom each worker has to be like, with the type of its device; without
                `bits` it is the first that comes that says which they are
    resources   what each takes of its node, by Ray's names
    """

    def __init__(self, like: About, resources: Mapping[str, float]) -> None:
        self.ray = ray_package()
        self.like, self._whose = like, "this process"
        self.resources = dict(resources)
        self.head = Head(self.ray.get_runtime_context().gcs_address)
        gone = self.ray.exceptions
        # One that cannot be reached is given up, too, and its process ended.
        self._gone = (
            gone.RayActorError,
            gone.WorkerCrashedError,
            gone.NodeDiedError,
            gone.ObjectLostError,
        )

    # ---- workers ---------------------------------------------------------------------

    def start(self, number: int) -> Worker:
        taken = dict(self.resources)
        cores = taken.pop("CPU", 0.0)
        kind = self.ray.remote(WorkerActor).options(
            num_cpus=cores,
            num_gpus=taken.pop("GPU", 0.0),
            resources=taken or None,
            max_restarts=0,  # whoever replaces it has to be told what it knew
            enable_task_events=False,  # else Ray's head keeps notes of 100,000 calls
        )
        actor = kind.remote()
        threads = max(1, int(cores))
        placed = actor.node.remote()
        about = actor.start.remote(self.like.device, threads)
        return RayWorker(number, actor, placed, about)

    def placed(self, worker: Worker) -> Ticket:
        assert isinstance(worker, RayWorker)
        return RayTicket(worker, worker.placed)

    def arrival(self, worker: Worker) -> Ticket:
        return self._ticket(worker, "node")

    def node(self, ticket: Ticket) -> str:
        assert isinstance(ticket, RayTicket)
        worker = ticket.worker
        try:
            worker.node = self.result(ticket)  # errors of its start name it
            about = About.heard(self.result(RayTicket(worker, worker.about)))
        except (Lost, NeurenixError):
            raise
        except Exception as error:
            raise WorkerError(
                f"{worker} cannot make itself ready: {_last_line(str(error))}"
            ) from error
        check_same(about, self.like, self._whose)
        if self.like.bits is None:
            self.like = self.like._replace(bits=about.bits)
            self._whose = f"the first, on {about.host},"
        return worker.node

    def stop(self, worker: Worker) -> None:
        assert isinstance(worker, RayWorker)
        self.ray.kill(worker.actor)

    # ---- what they do ----------------------------------------------------------------

    def ask(self, worker: Worker, job: Job) -> Ticket:
        return self._ticket(worker, job.method, *job.arguments)

    def hint(self, worker: Worker, job: Job) -> None:
        reference = self._ticket(worker, job.method, *job.arguments).reference
        # Taken, or Ray prints an error of it. The job that follows has the same one.
        reference.future().add_done_callback(Future.exception)

    def learn(self, worker: Worker, name: str, value: Any) -> Ticket:
        return self._ticket(worker, "learn", name, value)

    def forget(self, worker: Worker, name: str) -> None:
        self._ticket(worker, "forget", name)

    def ship(self, value: object) -> Any:
        return shipped(self.ray, value)

    def put(self, value: object) -> Any:
        if isinstance(value, np.ndarray) and value.nbytes <= _INLINE_BYTES:
            return value
        with room_for(self.ray, "what workers need for a step"):
            return self.ray.put(value)

    def _ticket(self, worker: Worker, method: str, *arguments: Any) -> RayTicket:
        assert isinstance(worker, RayWorker)
        with room_for(self.ray, f"what {worker} is asked"):
            reference = getattr(worker.actor, method).remote(*arguments)
        return RayTicket(worker, reference)

    # ---- what comes of it ------------------------------------------------------------

    def wait(self, tickets: Collection[Ticket], seconds: float) -> list[Ticket]:
        self.head.check()
        of = {t.reference: t for t in tickets if isinstance(t, RayTicket)}
        if not of:
            time.sleep(seconds)
            return []
        done, _ = self.ray.wait(list(of), timeout=seconds)
        if done and len(of) > 1:
            done, _ = self.ray.wait(list(of), num_returns=len(of), timeout=0)
        return [of[reference] for reference in done]

    def result(self, ticket: Ticket) -> Any:
        assert isinstance(ticket, RayTicket)
        exceptions = self.ray.exceptions
        try:
            return self.ray.get(ticket.reference)
        except exceptions.OutOfMemoryError as error:
            raise Lost(_first_line(error), by_memory=True) from error
        except self._gone as error:
            if _NO_CLASS in str(error):
                raise _without_class(str(error), ticket.worker) from error
            raise Lost(_first_line(error)) from error
        except exceptions.ActorUnschedulableError as error:
            raise WorkerError(f"{ticket.worker} has no place: {error}") from error
        except exceptions.RayTaskError as error:
            if isinstance(error.cause, exceptions.RaySystemError):
                raise _unreadable(error.cause, ticket.worker) from error
            raise _named(self.ray, error, ticket.worker) from error
        except exceptions.RuntimeEnvSetupError as error:
            text = " ".join(str(error).split())
            raise WorkerError(f"{ticket.worker}: {text:.500}") from error
        except exceptions.RayError as error:
            raise WorkerError(f"{ticket.worker}: {_first_line(error)}") from error

    # ---- what there is ---------------------------------------------------------------

    def lack(self, workers: int) -> str:
        asked = ", ".join(f"{n:g} {name}" for name, n in self.resources.items())
        if not self.head.answers():  # Ray would wait for it
            return f"A worker takes {asked}; the cluster's head does not answer"
        there, free = self.ray.cluster_resources(), self.ray.available_resources()
        found = ", ".join(
            f"{there.get(name, 0):g} {name} ({free.get(name, 0):g} free)"
            for name in self.resources
        )
        return f"A worker takes {asked}; the cluster has {found}"


def _first_line(error: Exception) -> str:
    """What Ray says first; and of a dead actor the cause, which it says last."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    cause = [line for line in lines[1:] if line.startswith("The actor is dead because")]
    text = " ".join([*lines[:1], *cause])
    return text.partition(" Some common causes include")[0]


def _last_line(text: str) -> str:
    """Of a traceback what was raised."""
    return ([x.strip() for x in text.splitlines() if x.strip()] or [""])[-1]


def _named(ray: Any, error: Any, worker: Worker) -> Exception:
    """What a job raised, with the worker and its node."""
    cause = error.cause
    if isinstance(cause, MemoryError):
        return OutOfMemoryError(
            f"{worker} ran out of memory: {cause}. Fewer workers a node, or fewer "
            "tasks at once: meta_learn(..., chunk=1) or max_memory="
        )
    if isinstance(cause, NeurenixError):
        cause.args = (f"{worker}: {cause}", *cause.args[1:])
        return cause
    if isinstance(cause, ray.exceptions.RayError):
        return WorkerError(f"{worker}: {_first_line(cause)}")
    return error if isinstance(error, Exception) else RuntimeError(str(error))


def _without_class(text: str, worker: Worker) -> Exception:
    """A worker that is none, on a machine without us: `text` has the traceback."""
    found, why = _ADDRESS.search(text), _last_line(text)
    where = f" at {found[1]}" if found else ""
    return WorkerError(
        f"{worker}{where} cannot import what a worker is ({why}): install the same "
        "Neurenix on all machines"
    )


def _unreadable(cause: Exception, worker: Worker) -> Exception:
    """A worker that could not read what it was sent."""
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return WorkerError(
        f"{worker} cannot read what it was sent ({lines[-1]}). Classes and functions "
        "of a module must be importable on every machine; those of a script or a "
        "notebook are sent, and modules by ray.init(runtime_env={'py_modules': [...]})"
    )
