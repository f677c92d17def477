"""The meta-step's program of a run, and what was chosen for it."""

from __future__ import annotations

import neurenix as nx
from neurenix.nn.modes import mode

from ..evaluation.score import scoring_program
from .data import Data
from .options import Training
from .position import Trained
from .step import planned_step, step_program


def step_of(trained: Trained, data: Data, options: Training) -> nx.Compiled:
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
