"""Training and evaluation on many workers, with the bits of one process."""

from .ray_strategy import RayStrategy

__all__ = ["RayStrategy"]
