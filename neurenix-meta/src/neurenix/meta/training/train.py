"""Training: makes or finds the meta-step's program, and runs it over the epochs."""

from __future__ import annotations

import neurenix as nx
from neurenix.nn.modes import mode

from ..evaluation.score import scoring_program
from ..tasks.kinds import using
from .checkpoints import Checkpoints
from .data import Data
from .history import History
from .optimizers import check_optimizer
from .options import Training
from .position import Trained
from .run import Run
from .step import planned_step, step_program


def train(trained: Trained, data: Data, options: Training) -> History:
    """Trains a method by an optimizer on these tasks; see `MetaLearner.meta_learn`."""
    check_optimizer(trained.method, trained.optimizer, trained.schedule)
    step = _step(trained, data, options)
    run = Run(trained, step, data, options)
    if options.folder is not None:
        every, keep = options.checkpoint_every, options.keep
        run.checkpoints = Checkpoints(options.folder, every, keep)
    with using(trained.method, data.kinds, keep=run.has_learned):
        return run.epochs()


def _step(trained: Trained, data: Data, options: Training) -> nx.Compiled:
    """The meta-step, within the limit of memory if there is one; and what was chosen
    for it, which a checkpoint keeps."""
    method, optimizer, limit = trained.method, trained.optimizer, options.limit
    choices = {"chunk": options.chunk, "steps_per_call": options.steps_per_call}
    if limit is None:
        trained.choices.update(choices)
        return step_program(method, optimizer, options.chunk)
    if data.validation is not None:
        with mode(method, training=False):
            steps = method.evaluation_steps(None)
            scoring_program(method, data.validation, steps, limit)
    step, plan = planned_step(
        method, optimizer, limit, data.source, data.batch, options.epochs
    )
    method.programs.plans["meta_learn"] = plan
    trained.choices.update(choices, **plan._asdict())
    return step
