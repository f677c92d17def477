"""MetaLearner: what all methods share, and what a method adds."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

import neurenix as nx
from neurenix import dispatch, nn, optim
from neurenix.dtypes import Dtype
from neurenix.errors import InvalidArgumentError
from neurenix.io import as_path
from neurenix.nn.modes import mode

from . import memory
from .calls import call_of_users
from .checks import positive, whole_number
from .evaluation import queries, result
from .evaluation.result import CONFIDENCE, TASKS_PER_CALL, Evaluation
from .files import learner_files
from .identity import descriptions
from .models import batch_norm
from .outcome import Outcome, Values
from .returned import outcome_of, output_of
from .tasks.batches import Bucket, Episode, Source
from .tasks.deciding import read_call
from .tasks.kinds import TARGETS, Kinds, given, using
from .tasks.reading import dtype_of
from .tasks.sources import source_of
from .tasks.targets import Targets
from .training.checkpoints import Checkpoints, Trained, newest
from .training.events import Callback, ProgressBar, checked_callbacks
from .training.history import History
from .training.run import Run, batch_size, check_optimizer, meta_step
from .turns import turn_of

__all__ = ["MetaLearner", "Outcome", "Values"]


class MetaLearner(nn.Module):
    """The base of MAML, Reptile, Prototypical Networks, and of yours.

    A method adds `task_loss`: what the meta-parameters are to minimise on one task, as
    a pure function of them. It is captured once, mapped over the tasks of a batch and
    differentiated; a meta-step is one program, whatever the method.

    model     the network; what it learns is in `parameters()`
    meta_lr   the learning rate of the Adam that `meta_learn` makes if it is given none
    inputs    what whole numbers among inputs are, for all calls: "pixels", from 0 to
              255, which the network gets divided by 255; "tokens", which it gets as
              int32; "values", which it gets as floats. None: the first use with whole
              numbers decides: uint8 are pixels, others values, and either tokens if
              the network takes nothing else (as one that begins with an `Embedding`).
              Floats are always values, in the network's dtype

    >>> class Joint(MetaLearner):
    ...     '''Learns all tasks at once, without adaptation.'''
    ...     def task_loss(self, parameters, task):
    ...         output, buffers = self.run(parameters, task.support_x)
    ...         loss = nn.functional.mse_loss(output, task.support_y)
    ...         return Outcome(loss, buffers=buffers)
    """

    unwatched = nn.Module.unwatched | {"_programs", "_memory_plans"}
    #: What a method's targets are: "classes", "values", or "either".
    targets: Targets = "either"
    #: Attributes that no result depends on, or that a file has elsewhere.
    without_effect: frozenset[str] = frozenset(
        {"_programs", "_memory_plans", "_remat", "_kinds", "_before_forward"}
    )
    #: Attributes that matter in training only; `load` takes a file with others.
    of_training: frozenset[str] = frozenset({"meta_lr"})

    _kinds = Kinds()

    def __init__(
        self, model: nn.Module, meta_lr: float = 0.001, *, inputs: str | None = None
    ) -> None:
        super().__init__()
        if not isinstance(model, nn.Module):
            raise InvalidArgumentError(
                f"{type(self).__name__}: the model is a {type(model).__name__}; "
                "expected a neurenix.nn.Module"
            )
        self.model = model
        self.meta_lr = positive("meta_lr", meta_lr)
        self._kinds = given(type(self).__name__, inputs)
        self._programs: dict[Any, Any] = {}
        self._memory_plans: dict[str, memory.MemoryPlan] = {}

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
            outcome = outcome_of(self, self.task_loss(values, task))
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
        """The network as it is, without adaptation. It gets its first argument as it
        gets the inputs of tasks."""
        args, kwargs, kind = read_call(self, args, kwargs)
        if dispatch.recorder() is not None:  # what runs it takes its turn
            return self.model(*args, **kwargs)
        with using(self, Kinds(kind)), self.turn():
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
        return queries.are_apart()

    def turn(self) -> AbstractContextManager[Any]:
        """What to hold while the values of this learner are read as one, or replaced: a
        meta-step in another thread, which changes them in place, waits until then."""
        return turn_of(self)

    def learned(self) -> dict[str, nx.Tensor]:
        """The meta-parameters' values by name, without those that are frozen."""
        return {n: p.value() for n, p in self.named_parameters() if p.requires_grad}

    def all_values(self, parameters: Values) -> dict[str, nx.Tensor]:
        """These parameters, and all else that the learner holds: buffers, and what is
        frozen."""
        return {**{n: c.value() for n, c in self.named_cells().items()}, **parameters}

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
    def memory_plans(self) -> Mapping[str, memory.MemoryPlan]:
        """How the last "meta_learn" and "evaluate" with max_memory kept to it."""
        return MappingProxyType(self._memory_plans)

    def compiled(self, key: Any, make: Any) -> Any:
        """The program of that key, made on first use and kept with the learner."""
        found = self._programs.get(key)
        if found is None:  # of two threads' programs the first one stays
            found = self._programs.setdefault(key, make())
        return found

    def static_extra(self) -> tuple[Any, ...]:
        return (self._kinds.inputs,)

    def __getstate__(self) -> dict[str, Any]:
        plans = dict(self._memory_plans)
        # a copy makes programs of its own
        return {**vars(self), "_programs": {}, "_memory_plans": plans}

    # ---- what users call -------------------------------------------------------------

    @call_of_users
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
        compile: bool = True,
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
        compile           False: run everything as ordinary Python, as `nx.debug.eager`
                          does, for print, pdb and branches that depend on values in
                          `task_loss`, the model or the loss; slow. Results are the same
                          up to rounding

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
        tasks_per_batch = whole_number("tasks_per_batch", tasks_per_batch)
        chunk = whole_number("chunk", chunk, least=0)
        limit = None if max_memory is None else memory.amount("max_memory", max_memory)
        memory.check_limit(max_memory, compile)
        if limit is not None and chunk:
            raise InvalidArgumentError(
                f"chunk={chunk} and max_memory={max_memory!r}: give one of them"
            )
        folder = None if checkpoint is None else as_path("checkpoint", checkpoint)
        steps_per_call = whole_number("steps_per_call", steps_per_call)
        keep = whole_number("keep", keep)
        if checkpoint_every is not None:
            checkpoint_every = whole_number("checkpoint_every", checkpoint_every)
            if checkpoint is None:
                raise InvalidArgumentError(
                    f"checkpoint_every={checkpoint_every} without checkpoint=, a folder"
                )
        settings = descriptions.described(self)
        source = self._source(tasks, steps_per_epoch)
        kinds = self.kinds.joined(source.kinds, "these tasks")
        held_out = None
        if validation is not None:
            held_out = self._source(validation, kinds=kinds)
            kinds = kinds.joined(held_out.kinds, "the validation")
        size = batch_size(tasks_per_batch, source.largest_batch)
        source.check_batch(size)
        listeners = checked_callbacks(callbacks)
        if meta_optimizer is None:
            meta_optimizer = optim.Adam(self.parameters(), lr=self.meta_lr)
            schedule = schedule or self.default_schedule(meta_optimizer, count)
        check_optimizer(self, meta_optimizer, schedule)
        if limit is None:
            step = self._step(meta_optimizer, chunk)
        else:
            if held_out is not None:
                with mode(self, training=False):
                    self._scoring(held_out, self.evaluation_steps(None), limit)
            step, self._memory_plans["meta_learn"] = memory.planned_step(
                self, meta_optimizer, limit, source, size, count
            )
        listeners = [*([ProgressBar()] if progress else []), *listeners]
        choices = {"chunk": chunk, "steps_per_call": steps_per_call}
        if limit is not None:
            choices = {**choices, **self.memory_plans["meta_learn"]._asdict()}
        trained = Trained(self, meta_optimizer, schedule, {}, choices, settings)
        run = Run(trained, step, source, held_out, listeners, steps_per_call, limit)
        if folder is not None:
            run.checkpoints = Checkpoints(folder, checkpoint_every, keep)
        with using(self, kinds, keep=run.has_learned):
            return run.epochs(count, size)

    def _step(self, optimizer: optim.Optimizer, chunk: int) -> Any:
        # The program keeps its optimizer alive: no other can get this id.
        for old in [k for k in list(self._programs) if k[0] == "step"]:
            if old[1] != id(optimizer):
                self._programs.pop(old, None)
        key = ("step", id(optimizer), chunk)
        make = partial(meta_step, self, optimizer, chunk)
        return self.compiled(key, make)

    def _evaluated(
        self, source: Source, steps: int, limit: int | None, alone: bool
    ) -> Evaluation:
        """One evaluation; `alone`: each query in a batch with the support set."""
        with mode(self, training=False), queries.apart(alone):
            scores = result.scores_of(self._scoring(source, steps, limit), source)
        confidence = scores.pop(CONFIDENCE, None)
        norm = batch_norm.mode_of(self)
        transductive = batch_norm.depends_on_batch(self)
        if alone:
            norm, transductive = "support and the query", False
        key = json.dumps(source.description(), sort_keys=True)
        return Evaluation(scores, norm, transductive, confidence, key)

    def _scoring(self, source: Source, steps: int, limit: int | None) -> nx.Compiled:
        """What scores a batch of tasks, within the limit if there is one."""

        def make(chunk: int) -> Any:
            key = ("scores", steps, chunk, self.each_query_alone)
            return self.compiled(key, partial(result.scoring, self, steps, chunk))

        if limit is None:
            return make(0)
        size = min(TASKS_PER_CALL, source.largest_batch or TASKS_PER_CALL)
        score, plan = memory.planned(
            limit, size, make, memory.largest_calls(source, size)
        )
        self._memory_plans["evaluate"] = plan
        return score

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write weights, buffers and settings to a file: safetensors, with JSON in it.

        The file is written beside `path` and renamed: what was there stays until the
        new one is whole. Raises StorageError for a path that cannot be written.

        >>> # learner.save("maml.safetensors"); learner.load("maml.safetensors")
        """
        nx.save(learner_files.described(self), as_path("save", path))

    def load(self, path: str | os.PathLike[str]) -> None:
        """Take weights and buffers from what `save` wrote, or from a checkpoint; of a
        folder of checkpoints, from the newest.

        The learner is of the same method, model and settings as when it was saved, or
        its results would be others; what matters in training only, as `meta_lr` does,
        may differ. The weights alone, for another method or other settings:

            learner.load_state_dict(nx.load(path)["learner"]["values"])

        Raises InvalidArgumentError for another method or other settings, with both
        values, that or ShapeError for tensors that do not fit, FileFormatError for a
        file that is damaged or of a newer version, StorageError for none; nothing is
        changed then.
        """
        file = as_path("load", path)
        if os.path.isdir(file):  # False, too, where the system takes no such name
            file = newest(file)
        content = learner_files.read(file)
        with self.turn(), learner_files.undone_on_error(self):
            learner_files.fill_same(self, content, file)
        with using(self, learner_files.kinds_of(content)):
            pass

    @call_of_users
    def evaluate(
        self,
        tasks: Any,
        steps: int | None = None,
        *,
        max_memory: int | str | None = None,
        transductive: bool | str | None = None,
        compile: bool = True,
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
        compile        as in `meta_learn`

        Raises InvalidArgumentError for transductive=True of a network that is not.

        >>> # result = learner.evaluate(test_tasks); print(result)
        """
        limit = None if max_memory is None else memory.amount("max_memory", max_memory)
        before = descriptions.before_use(self)
        memory.check_limit(max_memory, compile)
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
        source = self._source(tasks)
        with using(self, source.kinds):
            found = self._evaluated(source, count, limit, alone)
            if transductive == "both" and depends:
                beside = self._evaluated(source, count, limit, alone=True)
                found = replace(found, beside=beside)
        descriptions.count_as_training(self, before)
        return found

    def adapt_to_task(
        self, support_x: Any, support_y: Any, *, compile: bool = True
    ) -> nn.Module:
        """A network adapted to a task: call it with queries."""
        raise NotImplementedError(f"{type(self).__name__} defines no adapt_to_task()")

    def _source(
        self,
        tasks: Any,
        steps_per_epoch: int | None = None,
        kinds: Kinds | None = None,
    ) -> Source:
        """Tasks on the device, checked."""
        if isinstance(tasks, Source):
            return tasks
        return source_of(self, tasks, kinds or self.kinds, steps_per_epoch)
