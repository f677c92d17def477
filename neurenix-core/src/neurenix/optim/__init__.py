"""Optimizers, limits on gradients, and schedules of the learning rate."""

from typing import TYPE_CHECKING

from .. import foreign_names as _foreign_names
from .. import missing as _missing
from .adam import Adam, AdamW
from .clipping import clip_by_global_norm, clip_grad_norm_, clip_grad_value_
from .optimizer import Optimizer
from .rmsprop import RMSprop
from .schedules import CosineAnnealingLR, LinearLR, LinearWarmup, Schedule, StepLR
from .sgd import SGD

__all__ = [
    "Optimizer",
    "SGD",
    "Adam",
    "AdamW",
    "RMSprop",
    "clip_by_global_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "Schedule",
    "StepLR",
    "CosineAnnealingLR",
    "LinearLR",
    "LinearWarmup",
]

if not TYPE_CHECKING:  # to a type checker every name would exist
    __getattr__ = _missing.of_module(__name__, _foreign_names.OPTIM)
