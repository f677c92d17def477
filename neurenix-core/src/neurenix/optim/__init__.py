"""Optimizers, limits on gradients, and schedules of the learning rate."""

from .adam import Adam
from .clipping import clip_grad_norm_, clip_grad_value_
from .optimizer import Optimizer
from .schedules import CosineAnnealingLR, Schedule, StepLR
from .sgd import SGD

__all__ = [
    "Optimizer",
    "SGD",
    "Adam",
    "clip_grad_norm_",
    "clip_grad_value_",
    "Schedule",
    "StepLR",
    "CosineAnnealingLR",
]
