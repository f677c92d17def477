"""Commands that distributions add, by the entry-point group `neurenix.commands`."""

from __future__ import annotations

from typing import Any, NamedTuple

from importlib_metadata import EntryPoint, entry_points

from ..errors import InvalidArgumentError

GROUP = "neurenix.commands"
OWN = ("doctor",)


class Installed(NamedTuple):
    """A command of a distribution, not yet imported."""

    name: str
    distribution: str
    point: EntryPoint

    def load(self) -> Any:
        """Its function, or its `typer.Typer`; whatever its module raises."""
        return self.point.load()


def installed() -> dict[str, Installed]:
    """The commands by name; nothing of them is imported.

    Raises InvalidArgumentError where two distributions have one name, naming both.
    """
    found: dict[str, Installed] = {}
    every = [
        Installed(point.name, point.dist.name if point.dist else "?", point)
        for point in entry_points(group=GROUP)
    ]
    for here in sorted(every, key=lambda here: (here.name, here.distribution)):
        other = found.get(here.name)
        if here.name in OWN or (other and other.distribution != here.distribution):
            first = other.distribution if other else "neurenix-core"
            raise InvalidArgumentError(
                f"the command {here.name!r} is in two distributions, {first} and "
                f"{here.distribution}: remove one of them"
            )
        found[here.name] = here
    return found
