"""MetaLearner: what a user calls, over the rooms that do it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import neurenix as nx
from neurenix import nn, optim
from neurenix.arguments import positive
from neurenix.io import as_path

from .calls import call_of_users
from .evaluation.result import Evaluation
from .evaluation.score import check_transductive, evaluated
from .files import learner_files
from .identity import descriptions
from .memory import MemoryPlan, limit_of
from .method import Method
from .outcome import Outcome, Values
from .returned import outcome_of
from .task_function import TaskFunction
from .tasks.batches import Episode
from .tasks.kinds import using
from .tasks.sources import Tasks, source_of
from .tasks.task import Given
from .training.checkpoints import newest
from .training.data import data_of
from .training.events import Callback
from .training.history import History
from .training.options import Training
from .training.position import Trained
from .training.strategy import Strategy, checked_strategy
from .training.summary import LearnerSummary, summary_of
from .training.train import train

__all__ = ["MetaLearner", "Outcome", "Values"]


class MetaLearner(Method):
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

    def __init__(
        self, model: nn.Module, meta_lr: float = 0.001, *, inputs: str | None = None
    ) -> None:
        super().__init__(model, inputs)
        self.meta_lr = positive(type(self).__name__, "meta_lr", meta_lr)

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

    def task_adaptation(
        self,
        parameters: Values,
        support_x: nx.Tensor,
        support_y: nx.Tensor,
        ways: int | None,
        steps: int,
    ) -> dict[str, nx.Tensor]:
        """What adapting to a support set makes, by name, for `adapt_to_task`."""
        raise NotImplementedError(f"{type(self).__name__} defines no task_adaptation()")

    def adapt_to_task(
        self, support_x: Given, support_y: Given, *, compile: bool = True
    ) -> nn.Module:
        """A network adapted to a task: call it with queries."""
        raise NotImplementedError(f"{type(self).__name__} defines no adapt_to_task()")

    # ---- what users call -------------------------------------------------------------

    def as_function(
        self,
        ways: int | None = None,
        steps: int | None = None,
        *,
        transductive: bool = False,
    ) -> TaskFunction:
        """Adaptation and prediction as functions of tensors: what `nx.export` takes.

        ways           how many classes a task has; None where targets are values
        steps          of adaptation; without it as in training
        transductive   which statistics normalise queries where batch norm takes those
                       of its batch (mode "transductive"). False: of the support set and
                       one query, so that a query's scores do not depend on which others
                       are asked with it, as of `Classifier`. True: of all queries of a
                       call, as in training; give it many, for a lone one is normalised
                       by itself

        Raises InvalidArgumentError for ways that do not go with the targets, and for
        transductive=True of a network that is not.

        >>> from neurenix.meta import MLP, PrototypicalNetworks
        >>> f = PrototypicalNetworks(MLP([20, 8])).as_function(ways=2)
        >>> support, labels = nx.ones(4, 20), nx.tensor([0, 0, 1, 1])
        >>> f(support, labels, nx.ones(3, 20))["scores"].shape
        (3, 2)
        """
        count = self.evaluation_steps(steps)
        return TaskFunction(self, ways, count, transductive)

    @property
    def memory_plans(self) -> Mapping[str, MemoryPlan]:
        """How the last "meta_learn" and "evaluate" with max_memory kept to it."""
        return MappingProxyType(self.programs.plans)

    @call_of_users
    def meta_learn(
        self,
        tasks: Tasks,
        meta_optimizer: optim.Optimizer | None = None,
        epochs: int = 1,
        tasks_per_batch: int = 4,
        *,
        steps_per_epoch: int | None = None,
        validation: Tasks | None = None,
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
        strategy: Strategy | None = None,
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
        progress          a bar on the terminal or in the notebook, lines in a log file:
                          see `ProgressBar`
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
        strategy          a `neurenix.meta.distributed.RayStrategy`: workers on one or
                          many machines make the steps. It never changes a result,
                          unless its `steps_apart` says so

        Tasks of one shape are stacked on the device once. Order is shuffled by
        `nx.manual_seed`. Ctrl-C ends training: the history so far is returned, with
        `history.interrupted`, the parameters are those of the last finished step, and a
        RuntimeWarning says which that was and how to go on.

        Raises InvalidArgumentError, ShapeError or DtypeError for what are no tasks or
        do not fit the model, and for a checkpoint of another run, before anything is
        changed; OutOfMemoryError, with the bytes, where one task at a time takes more
        than max_memory, likewise; FileFormatError for a damaged checkpoint or one of a
        newer version; StorageError for one that cannot be written, those before it
        stay; NonFiniteError at the first step whose loss or update is not finite, with
        parameters and optimizer as they were before it, and with the epochs so far as
        its `history`.
        """
        options = Training(
            epochs=epochs,
            tasks_per_batch=tasks_per_batch,
            steps_per_epoch=steps_per_epoch,
            callbacks=callbacks,
            progress=progress,
            chunk=chunk,
            max_memory=max_memory,
            steps_per_call=steps_per_call,
            checkpoint=checkpoint,
            checkpoint_every=checkpoint_every,
            keep=keep,
            compile=compile,
        )
        settings = descriptions.described(self)
        data = data_of(self, tasks, validation, options)
        if meta_optimizer is None:
            meta_optimizer = optim.Adam(self.parameters(), lr=self.meta_lr)
            schedule = schedule or self.default_schedule(meta_optimizer, options.epochs)
        trained = Trained(self, meta_optimizer, schedule, settings)
        return train(trained, data, options, checked_strategy(strategy))

    @call_of_users
    def evaluate(
        self,
        tasks: Tasks,
        steps: int | None = None,
        *,
        max_memory: int | str | None = None,
        transductive: bool | str | None = None,
        compile: bool = True,
        strategy: Strategy | None = None,
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
        strategy       as in `meta_learn`

        Raises InvalidArgumentError for transductive=True of a network that is not.

        >>> # result = learner.evaluate(test_tasks); print(result)
        """
        limit = limit_of(max_memory, compile)
        before = descriptions.before_use(self)
        count = self.evaluation_steps(steps)
        check_transductive(self, transductive)
        source = source_of(self, tasks, self.kinds)
        with using(self, source.kinds):
            scorer = checked_strategy(strategy)
            result = evaluated(self, source, count, limit, transductive, scorer)
        descriptions.count_as_training(self, before)
        return result

    @call_of_users
    def summary(
        self, tasks: Tasks | None = None, tasks_per_batch: int = 4
    ) -> LearnerSummary:
        """A table of the network's layers, the shapes that they give, their parameters,
        and the memory of a meta-step.

        tasks             as in `meta_learn`, for shapes and memory: those of the first
                          task, and of the largest batch. None: parameters alone
        tasks_per_batch   as in `meta_learn`, which is taken to be given no optimizer

        The memory is what the device plans for the program, to the byte, as
        `max_memory` counts it; the program is made, and does not run. Nothing of the
        learner changes. Raises what `meta_learn` raises for tasks that do not fit.

        >>> from neurenix.meta import MAML, MLP, generate_regression_tasks
        >>> learner = MAML(MLP([1, 40, 40, 1]), inner_steps=1)
        >>> found = learner.summary(generate_regression_tasks(4, 10, seed=0))
        >>> found.model.parameters, found.model.layers[0].outputs, found.state_bytes
        (1761, ((10, 1),), 14104)
        """
        return summary_of(self, tasks, tasks_per_batch, self.meta_lr)

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
        with self.locked(), learner_files.undone_on_error(self):
            learner_files.fill_same(self, content, file)
        with using(self, learner_files.kinds_of(content)):
            pass
