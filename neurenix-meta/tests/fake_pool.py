"""A cluster that is made up: workers by script, on a clock that only waiting moves."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from neurenix.errors import HeadLostError
from neurenix.meta.distributed.crew import Job
from neurenix.meta.distributed.pool import Lost, Pool, Ticket, Worker

NEVER = float("inf")


@dataclass(frozen=True)
class Answer:
    """What comes of a question, and after how many seconds."""

    value: object = None
    after: float = 1.0


@dataclass(eq=False)
class Asked(Ticket):
    """A question, and when its answer is there."""

    worker: Worker
    value: object
    at: float


# What a worker does with a job, which is a number here: ten times that, if nothing else
# is said.
Does = Callable[[int], Answer]


@dataclass
class Script:
    """A worker: where it starts, and after how long; when its process is there, if not
    as late as that; what it does with each job, and when it is told something."""

    node: str | Exception = "a"
    after: float = 1.0
    placed: float | None = None
    does: Does = lambda job: Answer(job * 10)
    learns: Callable[[object], Answer] = lambda value: Answer(None, 0.1)


@dataclass
class FakePool(Pool):
    """scripts   of each worker by its number; others do as the last"""

    scripts: list[Script] = field(default_factory=lambda: [Script()])
    head_until: float = NEVER
    now: float = 0.0
    started: list[Worker] = field(default_factory=list)
    started_at: list[float] = field(default_factory=list)
    knows: dict[int, dict[str, object]] = field(default_factory=dict)
    hints: list[tuple[int, int]] = field(default_factory=list)
    stopped: list[int] = field(default_factory=list)
    asked: list[tuple[int, int]] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def script(self, worker: Worker) -> Script:
        return self.scripts[min(worker.number, len(self.scripts) - 1)]

    def start(self, number: int) -> Worker:
        worker = Worker(number)
        self.started.append(worker)
        self.started_at.append(self.now)
        self.knows[number] = {}
        return worker

    def placed(self, worker: Worker) -> Ticket:
        script = self.script(worker)
        after = script.after if script.placed is None else script.placed
        return Asked(worker, None, self.now + after)

    def arrival(self, worker: Worker) -> Ticket:
        script = self.script(worker)
        return Asked(worker, script.node, self.now + script.after)

    def stop(self, worker: Worker) -> None:
        self.stopped.append(worker.number)

    def learn(self, worker: Worker, name: str, value: object) -> Ticket:
        self.knows[worker.number][name] = value
        answer = self.script(worker).learns(value)
        return Asked(worker, answer.value, self.now + answer.after)

    def forget(self, worker: Worker, name: str) -> None:
        del self.knows[worker.number][name]

    def hint(self, worker: Worker, job: Job) -> None:
        self.hints.append((worker.number, job.arguments[0]))

    def ship(self, value: object) -> object:
        return ("put", value)

    def put(self, value: object) -> object:
        return ("put", value)

    def ask(self, worker: Worker, given: Job) -> Ticket:
        (job,) = given.arguments
        assert worker.number not in self.stopped, "asked one that was stopped"
        self.asked.append((worker.number, job))
        answer = self.script(worker).does(job)
        return Asked(worker, answer.value, self.now + answer.after)

    def wait(self, tickets: Collection[Ticket], seconds: float) -> list[Ticket]:
        first = min((ticket.at for ticket in tickets), default=NEVER)
        self.now = max(self.now, min(first, self.now + seconds))
        if self.now >= self.head_until:
            raise HeadLostError("the head is gone")
        return [ticket for ticket in tickets if ticket.at <= self.now]

    def node(self, ticket: Ticket) -> str:
        return self._value(ticket)

    def result(self, ticket: Ticket) -> object:
        return self._value(ticket)

    def lack(self, workers: int) -> str:
        return f"The cluster is made up, and {workers} were asked for"

    def _value(self, ticket: Ticket):
        if isinstance(ticket.value, Exception):
            raise ticket.value
        return ticket.value


def dies(after: float = 0.5, cause: str = "killed", **kind: bool) -> Answer:
    """A worker that is gone before its answer."""
    return Answer(Lost(cause, **kind), after)


def hangs() -> Answer:
    return Answer(None, NEVER)


def once(answer: Answer) -> Does:
    """This the first time, then as usual."""
    left = [answer]
    return lambda job: left.pop() if left else Answer(job * 10)
