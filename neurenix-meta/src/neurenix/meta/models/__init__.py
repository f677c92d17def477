"""Networks of few-shot learning, and the modes of their batch norm."""

from .drop_block import DropBlock
from .networks import MLP, Conv4
from .residual import ResNet12
from .sequences import RecurrentNetwork, Transformer

__all__ = [
    "MLP",
    "Conv4",
    "DropBlock",
    "RecurrentNetwork",
    "ResNet12",
    "Transformer",
]
