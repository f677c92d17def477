"""RayCrew: workers as actors of Ray, one a device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neurenix.devices import Device

from .about import about_here
from .membership import Membership
from .messages import About
from .pooled import PooledCrew
from .ray_package import ray_package
from .ray_pool import RayPool
from .ray_resources import check_resources


@dataclass(frozen=True)
class RayOptions:
    """How a crew is made.

    workers     how many
    device      its type, in each worker
    home        the learner's device
    resources   of Ray, that a worker takes: {"CPU": 1, "GPU": 1}
    at_least    as of `RayStrategy`, as are deadline and patience, in seconds
    """

    workers: int
    device: str
    home: Device
    resources: Mapping[str, float]
    at_least: int | None
    deadline: float
    patience: float

    @property
    def first(self) -> int:
        """How many there have to be to begin with."""
        return self.workers if self.at_least is None else self.at_least

    @property
    def like(self) -> About:
        """What each worker has to be like: this process, or, where that has a device of
        another type, a worker."""
        here = about_here(self.home)
        if here.device == self.device:
            return here
        return here._replace(device=self.device, bits=None)


class RayCrew(PooledCrew):
    """Actors of the Ray cluster that this process is connected to."""

    def __init__(self, options: RayOptions) -> None:
        asked = options.workers, options.at_least, options.resources
        check_resources(ray_package(), *asked)
        pool = RayPool(options.like, options.resources)
        times = options.patience, options.deadline
        members = Membership(pool, options.workers, options.first, *times)
        super().__init__(pool, members, options.deadline)
        try:
            members.gather()
        except BaseException:
            members.end()
            raise
        members.least = 1 if options.at_least is None else options.at_least
