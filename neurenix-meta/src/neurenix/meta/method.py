"""Method: a network, and what is computed of one task with it."""

from __future__ import annotations

import abc
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import neurenix as nx
from neurenix import dispatch, nn, optim
from neurenix.dtypes import Dtype
from neurenix.errors import InvalidArgumentError

from .locking import lock_of_learner
from .outcome import Outcome, Values
from .programs import Programs
from .returned import output_of
from .tasks.batches import Bucket, Episode
from .tasks.deciding import read_call
from .tasks.kinds import TARGETS, Kinds, given, using
from .tasks.reading import dtype_of
from .tasks.targets import Targets


class Method(nn.Module, abc.ABC):
    """What training and evaluation know of a learner: its network, and functions of one
    task that have no side effects. They get the meta-parameters' values by name.

    model    the network; what it learns is in `parameters()`
    inputs   what whole numbers among inputs are; see `MetaLearner`
    """

    unwatched = nn.Module.unwatched | {"_programs"}
    #: What a method's targets are: "classes", "values", or "either".
    targets: Targets = "either"
    #: Attributes that no result depends on, or that a file has elsewhere.
    without_effect: frozenset[str] = frozenset(
        {"_programs", "_memory_plans", "_remat", "_kinds", "_before_forward"}
    )
    #: Attributes that matter in training only; `load` takes a file with others.
    of_training: frozenset[str] = frozenset({"meta_lr"})

    #: Whether workers may each make several meta-steps before they meet, and go on from
    #: the mean of what these led to (`RayStrategy(steps_apart=...)`).
    may_step_apart: bool = False

    _kinds = Kinds()

    def __init__(self, model: nn.Module, inputs: str | None = None) -> None:
        super().__init__()
        if not isinstance(model, nn.Module):
            raise InvalidArgumentError(
                f"{type(self).__name__}: the model is a {type(model).__name__}; "
                "expected a neurenix.nn.Module"
            )
        self.model = model
        self._kinds = given(type(self).__name__, inputs)
        self._programs = Programs()

    # ---- of one task -----------------------------------------------------------------

    @abc.abstractmethod
    def task_gradient(
        self, parameters: Values, task: Episode
    ) -> tuple[Outcome, dict[str, nx.Tensor]]:
        """What one task asks of the meta-parameters: its outcome, and a gradient."""

    @abc.abstractmethod
    def task_scores(
        self, parameters: Values, task: Episode, steps: int
    ) -> dict[str, nx.Tensor]:
        """Scores on a task's queries, "loss" among them, each of shape [steps + 1]:
        before any step of adaptation and after each."""

    @abc.abstractmethod
    def task_adaptation(
        self,
        parameters: Values,
        support_x: nx.Tensor,
        support_y: nx.Tensor,
        ways: int | None,
        steps: int,
    ) -> dict[str, nx.Tensor]:
        """What adapting to a support set makes, by name, for `adapt_to_task`."""

    def task_prediction(
        self, adapted: Values, query_x: nx.Tensor, steps: int
    ) -> nx.Tensor | dict[str, nx.Tensor]:
        """Predictions for queries after that many steps of adaptation: one tensor, or
        several by name. `adapted` is what `task_adaptation` made, or those of it that
        differ from the learner's own values."""
        raise NotImplementedError(f"{type(self).__name__} defines no task_prediction()")

    def finite_steps(self, parameters: Values, task: Episode) -> nx.Tensor:
        """For each step of adaptation whether it is finite, bool [steps]; it serves the
        message of a meta-step that failed."""
        return nx.ones(0, dtype=nx.bool)

    def evaluation_steps(self, steps: int | None) -> int:
        """How many steps of adaptation `evaluate(tasks, steps)` takes."""
        return 0

    def check_bucket(self, bucket: Bucket) -> None:
        """Refuse tasks that the model does not fit, before anything is changed."""

    # ---- what changes while it trains ------------------------------------------------

    def begin_epoch(self, epoch: int) -> None:
        """An epoch of `meta_learn` begins, or goes on: set what depends on how many
        epochs were done before, `epoch`."""

    def epochs_of_new_programs(self) -> Sequence[int]:
        """The epochs in which `meta_learn` begins to run another program; 0 is one."""
        return (0,)

    def default_schedule(
        self, optimizer: optim.Optimizer, epochs: int
    ) -> optim.Schedule | None:
        """The schedule of the optimizer that `meta_learn` makes if it is given none."""
        return None

    # ---- the network as a function of values -----------------------------------------

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The network as it is, without adaptation. It gets its first argument as it
        gets the inputs of tasks."""
        args, kwargs, kind = read_call(self, args, kwargs)
        if dispatch.recorder() is not None:  # the program that calls it holds the lock
            return self.model(*args, **kwargs)
        with using(self, Kinds(kind)), self.locked():
            return self.model(*args, **kwargs)

    def run(
        self, values: Values, x: nx.Tensor
    ) -> tuple[nx.Tensor, dict[str, nx.Tensor]]:
        """The network's output with these parameters and buffers, by name, and its
        buffers' new values."""
        output, buffers = nn.functional_call(self, values, x)
        return output_of(self.model, output), buffers

    def run_queries(
        self, values: Values, task: Episode
    ) -> tuple[nx.Tensor, dict[str, nx.Tensor]]:
        """The network's output for a task's queries: of one batch of them or, where no
        query is to see another, each in one batch with the support set (Nichol et al.
        2018, section 6.1)."""
        if not task.queries_apart:
            return self.run(values, task.query_x)

        def alone(query: nx.Tensor) -> nx.Tensor:
            both = nx.concat([task.support_x, nx.expand_dims(query, 0)])
            return self.run(values, both)[0][-1]

        return nx.vmap(alone)(task.query_x), {}

    def network_inputs(self, task: Episode) -> tuple[nx.Tensor, ...]:
        """What the network is called with for a task, as `summary` shows it."""
        return (task.support_x,)

    def learned(self) -> dict[str, nx.Tensor]:
        """The meta-parameters' values by name, without those that are frozen."""
        return {n: p.value() for n, p in self.named_parameters() if p.requires_grad}

    def all_values(self, parameters: Values) -> dict[str, nx.Tensor]:
        """These parameters, and all else that the learner holds: buffers, and what is
        frozen."""
        return {**{n: c.value() for n, c in self.named_cells().items()}, **parameters}

    def locked(self) -> AbstractContextManager[object]:
        """Makes meta-steps of other threads, which change values in place, wait while
        this learner's values are read together or replaced."""
        return lock_of_learner(self)

    # ---- what it reads, and what it has compiled -------------------------------------

    @property
    def dtype(self) -> Dtype:
        """The network's floating dtype, which tasks are converted to."""
        return dtype_of(self)

    @property
    def kinds(self) -> Kinds:
        """What its tasks' inputs and targets are: as said when it was made, or decided
        by its first use; None while neither has."""
        taken = self.targets_taken()
        always = Kinds(targets=taken if taken in TARGETS else None)
        return self._kinds.joined(always, "the method")

    def targets_taken(self) -> Targets:
        """What the targets of its tasks may be; "either" is decided once, for all."""
        return self.targets

    @property
    def programs(self) -> Programs:
        """What it has compiled."""
        return self._programs

    def compiled(self, key: Hashable, make: Callable[[], nx.Compiled]) -> nx.Compiled:
        """The program of that key, made on first use and kept with the learner."""
        return self._programs.of(key, make)

    def static_extra(self) -> tuple[Any, ...]:
        return (self._kinds.inputs,)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_programs": self._programs.for_copy()}
