"""The arguments of RayStrategy: as they should be, or refused by name."""

from __future__ import annotations

from collections.abc import Mapping

from neurenix.arguments import plain_number, whole
from neurenix.backends import Absent, discovery
from neurenix.devices import is_well_known, parse_device
from neurenix.errors import InvalidArgumentError


def checked_device(device: str | None) -> str | None:
    """A device type: which of a node's devices a worker gets is Ray's to say."""
    if device is None:
        return None
    parsed = parse_device(device)
    name = str(parsed.type)
    # the first one: a Device cannot be written without a number
    if device != name if isinstance(device, str) else parsed.index:
        raise InvalidArgumentError(
            f"RayStrategy: device={device!r}; expected a type without a number, "
            f"{name!r}: Ray gives each worker a device of its node"
        )
    if not is_well_known(name) and isinstance(discovery.state(name), Absent):
        raise InvalidArgumentError(
            f"RayStrategy: device={device!r} is no device type that is known here; "
            "expected one such as 'cuda', 'rocm' or 'cpu', or one whose package is "
            "installed here, too"
        )
    return name


def checked_resources(resources: object) -> dict[str, float] | None:
    """Amounts by name; None for None."""
    if resources is None:
        return None
    found: dict[str, float] = {}
    if isinstance(resources, Mapping):
        for name, amount in resources.items():
            plain = plain_number(amount)
            if isinstance(name, str) and plain is not None and 0 < plain < float("inf"):
                found[name] = plain
    if not isinstance(resources, Mapping) or not found or len(found) < len(resources):
        raise InvalidArgumentError(
            f"RayStrategy: resources={resources!r}; expected numbers above 0 by the "
            'names of Ray, like {"CPU": 2, "GPU": 1}, or None for what is usual'
        )
    return found


def checked_address(address: object) -> str | None:
    if address is not None and (not isinstance(address, str) or not address.strip()):
        raise InvalidArgumentError(
            f"RayStrategy: address={address!r}; expected the head's host and port, "
            'like "first.example:6379", "local", "auto", or None'
        )
    if isinstance(address, str):
        refuse_client(address)
    return address


def refuse_client(address: str) -> None:
    """Refuses the address of Ray's client: behind it, parameters and gradients would
    pass through a process of the cluster, and nobody hears of a head that is lost."""
    if address.strip().startswith("ray://"):
        raise InvalidArgumentError(
            f"RayStrategy: address={address!r} is Ray's client, by which a process "
            "outside of a cluster asks one inside. Run yours on a machine of the "
            "cluster, best on the head (`ray job submit` does), and give the head's "
            'host and port, or "auto"'
        )


def checked_at_least(workers: int, at_least: int | None) -> int | None:
    if at_least is None:
        return None
    if whole("RayStrategy", "at_least", at_least, 1) > workers:
        raise InvalidArgumentError(
            f"RayStrategy: at_least={at_least} is more than workers={workers}"
        )
    return at_least
