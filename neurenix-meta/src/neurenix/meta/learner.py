"""MetaLearner: what all methods share, and what a method adds."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import neurenix as nx
from neurenix import nn, optim
from neurenix.dtypes import Dtype
from neurenix.errors import InvalidArgumentError

from . import batch_norm, learner_files
from .batches import Bucket, EndlessSource, Episode, SampledSource, Source, Targets
from .checkpoints import Checkpoints, Trained, newest
from .checks import positive, whole_number
from .evaluation import CONFIDENCE, TASKS_PER_CALL, Evaluation, scores_of, scoring
from .events import Callback, ProgressBar
from .history import History
from .listed import listed_source
from .memory import MemoryPlan, amount, largest_calls, planned
from .sampler import TaskSampler
from .training import Run, batch_size, meta_step, mode, names_of

Values = Mapping[str, nx.Tensor]


class Outcome(NamedTuple):
    """What a method makes of one task.

    loss      the meta-loss, a floating scalar
    metrics   further scalars for the history, by name
    buffers   new values of the network's buffers (running statistics), by name
    """

    loss: nx.Tensor
    metrics: Values = MappingProxyType({})
    buffers: Values = MappingProxyType({})


class MetaLearner(nn.Module):
    """The base of MAML, Reptile, Prototypical Networks, and of yours.

    A method adds `task_loss`: what the meta-parameters are to minimise on one task, as
    a pure function of them. It is captured once, mapped over the tasks of a batch and
    differentiated; a meta-step is one program, whatever the method.

    model     the network; what it learns is in `parameters()`
    meta_lr   the learning rate of the Adam that `meta_learn` makes if it is given none

    >>> class Joint(MetaLearner):
    ...     '''Learns all tasks at once, without adaptation.'''
    ...     def task_loss(self, parameters, task):
    ...         output, buffers = self.run(parameters, task.support_x)
    ...         loss = nn.functional.mse_loss(output, task.support_y)
    ...         return Outcome(loss, buffers=buffers)
    """

    unwatched = frozenset({"_programs", "_memory_plans"})
    #: What a method's targets are: "classes", "values", or "either".
    targets: Targets = "either"

    def __init__(self, model: nn.Module, meta_lr: float = 0.001) -> None:
        super().__init__()
        if not isinstance(model, nn.Module):
            raise InvalidArgumentError(
                f"{type(self).__name__}: the model is a {type(model).__name__}; "
                "expected a neurenix.nn.Module"
            )
        self.model = model
        self.meta_lr = positive("meta_lr", meta_lr)
        self._programs: dict[Any, Any] = {}
        self._each_query_alone = False
        self._memory_plans: dict[str, MemoryPlan] = {}

    # ---- what a method adds ----------------------------------------------------------

    def task_loss(self, parameters: Values, task: Episode) -> Outcome:
        """The meta-loss of one task, as a function of the meta-parameters by name."""
        raise NotImplementedError(f"{type(self).__name__} defines no task_loss()")

    def task_gradient(
        self, parameters: Values, task: Episode
    ) -> tuple[Outcome, dict[str, nx.Tensor]]:
        """What one task asks of the meta-parameters: the derivative of its loss, unless
        a method has another idea."""

        def loss(values: Values) -> tuple[nx.Tensor, Outcome]:
            outcome = self.task_loss(values, task)
            return outcome.loss, outcome

        (_, outcome), gradient = nx.value_and_grad(loss, has_aux=True)(parameters)
        return outcome, gradient

    def task_scores(
        self, parameters: Values, task: Episode, steps: int
    ) -> dict[str, nx.Tensor]:
        """Scores on a task's queries, "loss" among them, each of shape [steps + 1]:
        before any step of adaptation and after each."""
        raise NotImplementedError(f"{type(self).__name__} defines no task_scores()")

    def begin_epoch(self, epoch: int) -> None:
        """An epoch of `meta_learn` begins, or goes on: set what depends on how many
        epochs were done before, `epoch`."""

    def turning_epochs(self) -> Sequence[int]:
        """The epochs from which on `meta_learn` runs another program than before; 0 is
        one."""
        return (0,)

    def default_schedule(
        self, optimizer: optim.Optimizer, epochs: int
    ) -> optim.Schedule | None:
        """The schedule of the optimizer that `meta_learn` makes if it is given none."""
        return None

    def finite_steps(self, parameters: Values, task: Episode) -> nx.Tensor:
        """For each step of adaptation whether it is finite, bool [steps]; it serves the
        message of a meta-step that failed."""
        return nx.ones(0, dtype=nx.bool)

    def evaluation_steps(self, steps: int | None) -> int:
        """How many steps of adaptation `evaluate(tasks, steps)` takes."""
        return 0

    def check_bucket(self, bucket: Bucket) -> None:
        """Refuse tasks that the model does not fit, before anything is changed."""

    # ---- for methods -----------------------------------------------------------------

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The network as it is, without adaptation."""
        return self.model(*args, **kwargs)

    def run(
        self, values: Values, x: nx.Tensor
    ) -> tuple[nx.Tensor, dict[str, nx.Tensor]]:
        """The network's output with these parameters and buffers, by name, and its
        buffers' new values."""
        output, buffers = nn.functional_call(self, values, x)
        return output, buffers

    def run_queries(
        self, values: Values, task: Episode
    ) -> tuple[nx.Tensor, dict[str, nx.Tensor]]:
        """The network's output for a task's queries: of one batch of them or, where an
        evaluation is to be non-transductive, each in one batch with the support set
        (Nichol et al. 2018, section 6.1), so that no query sees another."""
        if not self.each_query_alone:
            return self.run(values, task.query_x)

        def alone(query: nx.Tensor) -> nx.Tensor:
            both = nx.concat([task.support_x, nx.expand_dims(query, 0)])
            return self.run(values, both)[0][-1]

        return nx.vmap(alone)(task.query_x), {}

    @property
    def each_query_alone(self) -> bool:
        """Whether a query must not see the others, though batch norm would let it."""
        return self._each_query_alone

    def learned(self) -> dict[str, nx.Tensor]:
        """The meta-parameters' values by name."""
        return {n: p.value() for n, p in self.named_parameters() if p.requires_grad}

    @property
    def dtype(self) -> Dtype:
        """The network's floating dtype, which tasks are converted to."""
        return next((p.dtype for p in self.parameters()), nx.float32)

    @property
    def memory_plans(self) -> Mapping[str, MemoryPlan]:
        """How the last "meta_learn" and "evaluate" with max_memory kept to it."""
        return MappingProxyType(self._memory_plans)

    def compiled(self, key: Any, make: Any) -> Any:
        """The program of that key, made on first use and kept with the learner."""
        if key not in self._programs:
            self._programs[key] = make()
        return self._programs[key]

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_programs": {}}  # a copy makes programs of its own

    # ---- what users call -------------------------------------------------------------

    def meta_learn(
        self,
        tasks: Any,
        meta_optimizer: optim.Optimizer | None = None,
        epochs: int = 1,
        tasks_per_batch: int = 4,
        *,
        steps_per_epoch: int | None = None,
        validation: Any = None,
        callbacks: Sequence[Callback] = (),
        progress: bool = True,
        chunk: int = 0,
        max_memory: int | str | None = None,
        steps_per_call: int = 1,
        schedule: optim.Schedule | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int | None = None,
        keep: int = 2,
    ) -> History:
        """Meta-train: each epoch goes through all tasks, `tasks_per_batch` a step.

        tasks             a list (or any iterable) of tasks, each four tensors or arrays
                          (support_x, support_y, query_x, query_y), or a TaskSampler
        meta_optimizer    of `neurenix.optim`; without one, Adam at `meta_lr`
        steps_per_epoch   for a TaskSampler without end: the steps that make an epoch,
                          each on tasks never seen before
        validation        tasks to evaluate after each epoch: "validation_loss" and
                          "validation_accuracy" in the history
        callbacks         see `Callback`
        progress          a line on the terminal
        chunk             at most so many tasks at once, to bound memory; 0: the engine
                          chooses. It never changes a result
        max_memory        choose `chunk` so that a meta-step, and a batch of the
                          validation, takes at most so many bytes (or "512 MB") beside
                          data, parameters and the optimizer's state; `memory_plans`
                          has what was chosen. It never changes a result
        steps_per_call    meta-steps that the engine makes at once, without Python
                          between them; callbacks and progress come after so many. It
                          never changes a result
        schedule          of the optimizer's learning rate; it steps after each epoch
        checkpoint        a folder for checkpoints. If it has any, this run goes on from
                          the newest, with the same bits as if it had never stopped:
                          call `meta_learn` as the first time. Training that was done
                          is not done again
        checkpoint_every  meta-steps between two checkpoints; without it one an epoch
        keep              how many checkpoints stay in the folder

        Tasks of one shape are stacked on the device once. Order is shuffled by
        `nx.manual_seed`. Ctrl-C ends training: the history so far is returned, with
        `history.interrupted`, and the parameters are those of the last finished step.

        Raises InvalidArgumentError, ShapeError or DtypeError for what are no tasks or
        do not fit the model, and for a checkpoint of another run, before anything is
        changed; OutOfMemoryError, with the bytes, where one task at a time takes more
        than max_memory, likewise; FileFormatError for a damaged checkpoint or one of a
        newer version; StorageError for one that cannot be written, those before it
        stay; NonFiniteError at the first step whose loss or update is not finite, with
        parameters and optimizer as they were before it, and with the epochs so far as
        its `history`.
        """
        count = whole_number("epochs", epochs)
        whole_number("tasks_per_batch", tasks_per_batch)
        whole_number("chunk", chunk, least=0)
        limit = None if max_memory is None else amount("max_memory", max_memory)
        if limit is not None and chunk:
            raise InvalidArgumentError(
                f"chunk={chunk} and max_memory={max_memory!r}: give one of them"
            )
        whole_number("steps_per_call", steps_per_call)
        whole_number("keep", keep)
        if checkpoint_every is not None:
            whole_number("checkpoint_every", checkpoint_every)
            if checkpoint is None:
                raise InvalidArgumentError(
                    f"checkpoint_every={checkpoint_every} without checkpoint=, a folder"
                )
        source = self._source(tasks, steps_per_epoch)
        held_out = None if validation is None else self._source(validation)
        size = batch_size(tasks_per_batch, source.largest_batch)
        source.check_batch(size)
        if meta_optimizer is None:
            meta_optimizer = optim.Adam(self.parameters(), lr=self.meta_lr)
            schedule = schedule or self.default_schedule(meta_optimizer, count)
        if schedule is not None and (
            not isinstance(schedule, optim.Schedule)
            or schedule.optimizer is not meta_optimizer
        ):
            raise InvalidArgumentError(
                f"schedule={schedule!r}; expected a schedule of the meta_optimizer"
            )
        if limit is None:
            step = self._step(meta_optimizer, chunk)
        else:
            if held_out is not None:
                self._scoring(held_out, self.evaluation_steps(None), limit)
            step = self._step_within(limit, meta_optimizer, source, size, count)
        listeners = [*([ProgressBar()] if progress else []), *callbacks]
        choices = {"chunk": chunk, "steps_per_call": steps_per_call}
        if limit is not None:
            choices = {**choices, **self.memory_plans["meta_learn"]._asdict()}
        trained = Trained(self, meta_optimizer, schedule, choices=choices)
        run = Run(trained, step, source, held_out, listeners, steps_per_call, limit)
        if checkpoint is not None:
            run.checkpoints = Checkpoints(checkpoint, checkpoint_every, keep)
        return run.epochs(count, size)

    def _step(self, optimizer: optim.Optimizer, chunk: int) -> nx.Compiled:
        names_of(optimizer, self)  # before anything is changed
        # The program keeps its optimizer alive: no other can get this id.
        for old in [k for k in self._programs if k[0] == "step"]:
            if old[1] != id(optimizer):
                del self._programs[old]
        key = ("step", id(optimizer), chunk)
        program: nx.Compiled = self.compiled(
            key, lambda: meta_step(self, optimizer, chunk)
        )
        return program

    def _step_within(
        self,
        limit: int,
        optimizer: optim.Optimizer,
        source: Source,
        size: int,
        epochs: int,
    ) -> nx.Compiled:
        """The meta-step that takes the most tasks at once within the limit."""
        found: list[tuple[nx.Compiled, MemoryPlan]] = []
        try:
            with mode(self, training=True):
                for epoch in self.turning_epochs():
                    if epoch < epochs:
                        self.begin_epoch(epoch)
                        calls = largest_calls(source, size)
                        found.append(
                            planned(
                                limit, size, lambda n: self._step(optimizer, n), calls
                            )
                        )
        finally:
            self.begin_epoch(0)
        step, plan = min(found, key=lambda pair: pair[1].chunk or size)
        most = max(other.bytes for _, other in found)
        self._memory_plans["meta_learn"] = plan._replace(bytes=most)
        return step

    def _evaluated(
        self, source: Source, steps: int, limit: int | None, alone: bool
    ) -> Evaluation:
        """One evaluation; `alone`: each query in a batch with the support set."""
        self._each_query_alone = alone
        try:
            score = self._scoring(source, steps, limit)
            with mode(self, training=False):
                scores = scores_of(score, source)
        finally:
            self._each_query_alone = False
        confidence = scores.pop(CONFIDENCE, None)
        norm = batch_norm.mode_of(self)
        transductive = batch_norm.depends_on_batch(self)
        if alone:
            norm, transductive = "support and the query", False
        key = repr(sorted(source.description().items()))
        return Evaluation(scores, norm, transductive, confidence, key)

    def _scoring(self, source: Source, steps: int, limit: int | None) -> nx.Compiled:
        """What scores a batch of tasks, within the limit if there is one."""

        def make(chunk: int) -> nx.Compiled:
            key = ("scores", steps, chunk, self._each_query_alone)
            program: nx.Compiled = self.compiled(
                key, lambda: scoring(self, steps, chunk)
            )
            return program

        if limit is None:
            return make(0)
        size = min(TASKS_PER_CALL, source.largest_batch or TASKS_PER_CALL)
        with mode(self, training=False):
            score, plan = planned(limit, size, make, largest_calls(source, size))
        self._memory_plans["evaluate"] = plan
        return score

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write weights, buffers and settings to a file: safetensors, with JSON in it.

        The file is written beside `path` and renamed: what was there stays until the
        new one is whole. Raises StorageError for a path that cannot be written.

        >>> # learner.save("maml.safetensors"); learner.load("maml.safetensors")
        """
        nx.save(learner_files.described(self), path)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Take weights and buffers from what `save` wrote, or from a checkpoint; of a
        folder of checkpoints, from the newest.

        Raises ShapeError or InvalidArgumentError for a file of another model, with the
        tensors that do not fit, FileFormatError for one that is damaged or of a newer
        version, StorageError for none; nothing is changed then.
        """
        file = Path(path)
        if file.is_dir():
            file = newest(file)
        content = learner_files.read(file)
        with learner_files.undone_on_error(self):
            learner_files.fill(self, content, file)

    def evaluate(
        self,
        tasks: Any,
        steps: int | None = None,
        *,
        max_memory: int | str | None = None,
        transductive: bool | str | None = None,
    ) -> Evaluation:
        """Adapt to each task's support set, and score its queries.

        tasks          as in `meta_learn`; a TaskSampler must have an end
        steps          of adaptation; without it as in training
        max_memory     as in `meta_learn`
        transductive   None: as the network is. Where its batch norm is transductive
                       (statistics of the queries, all together), False gives the
                       non-transductive score: each query goes through the network in
                       one batch with the support set (Nichol et al. 2018, section
                       6.1). "both": the score as the network is, and that one in its
                       `beside`

        Raises InvalidArgumentError for transductive=True of a network that is not.

        >>> # result = learner.evaluate(test_tasks); print(result)
        """
        limit = None if max_memory is None else amount("max_memory", max_memory)
        source = self._source(tasks)
        count = self.evaluation_steps(steps)
        depends = batch_norm.depends_on_batch(self)
        if transductive not in (None, True, False, "both"):
            raise InvalidArgumentError(
                f"transductive={transductive!r}; expected None, True, False or 'both'"
            )
        if transductive is True and not depends:
            raise InvalidArgumentError(
                "transductive=True, but no prediction of this network depends on other "
                "queries; batch norm in mode 'transductive' makes it so"
            )
        alone = depends and transductive is False
        found = self._evaluated(source, count, limit, alone)
        if transductive == "both" and depends:
            beside = self._evaluated(source, count, limit, alone=True)
            return replace(found, beside=beside)
        return found

    def adapt_to_task(self, support_x: Any, support_y: Any) -> nn.Module:
        """A network adapted to a task: call it with queries."""
        raise NotImplementedError(f"{type(self).__name__} defines no adapt_to_task()")

    def _source(self, tasks: Any, steps_per_epoch: int | None = None) -> Source:
        """Tasks on the device, checked."""
        if isinstance(tasks, Source):
            return tasks
        endless = isinstance(tasks, TaskSampler) and tasks.tasks is None
        if steps_per_epoch is not None and not endless:
            raise InvalidArgumentError(
                "steps_per_epoch is for a TaskSampler without end; an epoch of other "
                "tasks is all of them"
            )
        if isinstance(tasks, TaskSampler):
            if not endless:
                source: Source = SampledSource(tasks, self.dtype)
            elif steps_per_epoch is None:
                raise InvalidArgumentError(
                    "this TaskSampler has no end: TaskSampler(..., tasks=n) has one; "
                    "for meta_learn, steps_per_epoch=n says how long an epoch is"
                )
            else:
                steps = whole_number("steps_per_epoch", steps_per_epoch)
                source = EndlessSource(tasks, self.dtype, steps)
        else:
            source = listed_source(_listed(tasks), self.targets, self.dtype)
        for bucket in source.buckets:
            self.check_bucket(bucket)
        return source


def _listed(tasks: Any) -> list[Any]:
    if not isinstance(tasks, Iterable) or isinstance(tasks, (str, bytes, Mapping)):
        raise InvalidArgumentError(
            f"tasks of type {type(tasks).__name__}; expected a list of tasks, or a "
            "TaskSampler"
        )
    listed = list(tasks)
    if not listed:
        raise InvalidArgumentError("there are zero tasks; give at least one")
    return listed
