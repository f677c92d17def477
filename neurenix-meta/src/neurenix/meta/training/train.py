"""Training: who makes the meta-steps, and a run of them over the epochs."""

from __future__ import annotations

from ..tasks.kinds import using
from .checkpoints import Checkpoints
from .data import Data
from .history import History
from .optimizers import check_optimizer
from .options import Training
from .position import Trained
from .run import Run
from .strategy import Strategy


def train(
    trained: Trained, data: Data, options: Training, strategy: Strategy
) -> History:
    """Trains a method by an optimizer on these tasks; see `MetaLearner.meta_learn`."""
    check_optimizer(trained.method, trained.optimizer, trained.schedule)
    with strategy.steps(trained, data, options) as steps:
        run = Run(trained, steps, data, options, strategy)
        if options.folder is not None:
            every, keep = options.checkpoint_every, options.keep
            run.checkpoints = Checkpoints(options.folder, every, keep)
        with using(trained.method, data.kinds, keep=run.has_learned):
            return run.epochs()
