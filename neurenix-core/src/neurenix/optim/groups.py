"""Parameter groups: which parameters an optimizer changes, and what each group of them
has for itself."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any, Protocol

from ..attributes import changes
from ..errors import DtypeError, InvalidArgumentError
from ..nn.parameter import Parameter
from ..tensor import Tensor

Given = tuple[list[Parameter], dict[str, Any]]


def read_groups(kind: str, params: Any, options: Iterable[str]) -> list[Given]:
    """Parameters, or dicts of them, as groups: the parameters of each, and what it says
    of the options.

    Raises DtypeError for what is no parameter, InvalidArgumentError for none at all,
    for one that is there twice, and for an option that the optimizer has not.
    """
    if isinstance(params, dict):
        raise DtypeError(
            f"{kind}: expected parameters, or a list of groups, not one dict; put it "
            "into a list: [{'params': ..., 'lr': ...}]"
        )
    items = _listed(kind, params)
    if not any(isinstance(item, dict) for item in items):
        groups: list[Given] = [(_checked(kind, items), {})]
    else:
        groups = [_group(f"{kind}: group {n}", g, options) for n, g in enumerate(items)]
    seen: dict[int, int] = {}
    for number, (members, _) in enumerate(groups):
        for i, p in enumerate(members):
            if id(p) in seen:
                where = (
                    f" (in group {seen[id(p)]} and group {number})"
                    if len(groups) > 1
                    else ""
                )
                raise InvalidArgumentError(
                    f"{kind}: {p.name or f'parameter {i}'} is there twice{where}"
                )
            seen[id(p)] = number
    return groups


def _group(name: str, group: Any, options: Iterable[str]) -> Given:
    if not isinstance(group, dict):
        raise DtypeError(
            f"{name} is a {type(group).__name__}; where one group is a dict, all are: "
            "{'params': [...]}"
        )
    if "params" not in group:
        raise InvalidArgumentError(
            f"{name} has no 'params'; expected {{'params': parameters, 'lr': ...}}"
        )
    given = {key: value for key, value in group.items() if key != "params"}
    known = ["lr", *options, "name"]
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            raise InvalidArgumentError(
                f"{name} has {key!r}, which this optimizer has not"
                + (f"; did you mean {near[0]!r}?" if near else "")
                + f" There are {', '.join(known)}"
            )
    params = group["params"]
    members = [params] if isinstance(params, Parameter) else _listed(name, params)
    return _checked(name, members), given


def _listed(name: str, params: Any) -> list[Any]:
    if isinstance(params, Tensor):
        raise DtypeError(
            f"{name}: expected several parameters (model.parameters(), or a list), "
            "not one tensor"
        )
    try:
        return list(params)
    except TypeError:
        raise DtypeError(
            f"{name}: expected parameters (model.parameters(), or a list), "
            f"not {type(params).__name__}"
        ) from None


def _checked(name: str, found: list[Any]) -> list[Parameter]:
    if not found:
        raise InvalidArgumentError(f"{name}: there are no parameters")
    for i, p in enumerate(found):
        if not isinstance(p, Parameter):
            named = isinstance(p, tuple) and len(p) == 2 and isinstance(p[1], Parameter)
            raise DtypeError(
                f"{name}: item {i} is a {type(p).__name__}, not an nn.Parameter"
                + ("; give parameters(), not named_parameters()" if named else "")
            )
    return found


class Grouped(Protocol):
    """Values that an optimizer keeps for each of its groups, by the group's number."""

    @property
    def options(self) -> tuple[str, ...]: ...
    def members(self, group: int) -> list[Parameter]: ...
    def given(self, group: int) -> dict[str, Any]: ...
    def option_of_group(self, name: str, group: int) -> Any: ...
    def checked(self, name: str, value: Any) -> Any: ...
    def rates(self) -> list[float]: ...
    def set_rate(self, group: int, value: float) -> None: ...


class ParamGroup(MutableMapping[str, Any]):
    """One group of an optimizer's parameters, as a dict: "params", "lr", and every
    other hyper-parameter by its name; what is set takes effect with the next step.

    >>> import neurenix as nx
    >>> body, head = nx.nn.Parameter([1.0]), nx.nn.Parameter([1.0])
    >>> optimizer = nx.optim.SGD([{"params": [body]}, {"params": [head], "lr": 1.0}],
    ...                          lr=0.1)
    >>> [group["lr"] for group in optimizer.param_groups]
    [0.1, 1.0]
    >>> optimizer.param_groups[0]["lr"] = 0.5
    >>> optimizer.param_groups[0]["lr"]
    0.5
    """

    def __init__(self, optimizer: Grouped, number: int) -> None:
        self._optimizer = optimizer
        self._number = number

    def __getitem__(self, name: str) -> Any:
        if name == "params":
            return list(self._optimizer.members(self._number))
        if name == "lr":
            return self._optimizer.rates()[self._number]
        if name in self._optimizer.options:
            return self._optimizer.option_of_group(name, self._number)
        return self._optimizer.given(self._number)[name]

    def __setitem__(self, name: str, value: Any) -> None:
        if name == "lr":
            self._optimizer.set_rate(self._number, value)
            return
        if name not in self._optimizer.options:
            raise InvalidArgumentError(
                f"param_groups[{self._number}][{name!r}] cannot be set; there are "
                f"{', '.join(('lr', *self._optimizer.options))}"
            )
        self._optimizer.given(self._number)[name] = self._optimizer.checked(name, value)
        changes.note()

    def __delitem__(self, name: str) -> None:
        raise InvalidArgumentError(
            f"param_groups[{self._number}]: {name!r} cannot be deleted"
        )

    def __iter__(self) -> Iterator[str]:
        own = self._optimizer.given(self._number)
        named = ["name"] if "name" in own else []
        return iter(["params", "lr", *self._optimizer.options, *named])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __repr__(self) -> str:
        shown = {k: v for k, v in self.items() if k != "params"}
        return f"ParamGroup({len(self['params'])} parameters, {shown})"
