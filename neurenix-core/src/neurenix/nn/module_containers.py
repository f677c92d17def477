"""Modules and parameters in lists and dicts that are modules. (Plain lists, tuples and
dicts as attributes of a module do as well.)"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..arguments import several
from ..errors import InvalidArgumentError
from .module import Module
from .parameter import Parameter


class _List(Module):
    """Items by their numbers, which are their names in `state_dict`."""

    kind: type[Any] = Module

    def __init__(self, items: Iterable[Any] = ()) -> None:
        super().__init__()
        self.extend(items)

    def _checked(self, item: Any) -> Any:
        if not isinstance(item, self.kind):
            raise InvalidArgumentError(
                f"{type(self).__name__}: an item is a {type(item).__name__}, not an "
                f"nn.{self.kind.__name__}"
            )
        return item

    def _renew(self, items: list[Any]) -> None:
        for name in [n for n in vars(self) if n.isdecimal()]:
            delattr(self, name)
        for i, item in enumerate(items):
            setattr(self, str(i), item)

    def append(self, item: Any) -> Any:
        """One more at the end; returns the list."""
        setattr(self, str(len(self)), self._checked(item))
        return self

    def extend(self, items: Iterable[Any]) -> Any:
        """Several more at the end; returns the list."""
        found = several(type(self).__name__, "items", items)
        for item in [self._checked(item) for item in found]:
            self.append(item)
        return self

    def insert(self, index: int, item: Any) -> None:
        """One more before that number."""
        items = list(self)
        items.insert(index, self._checked(item))
        self._renew(items)

    def __len__(self) -> int:
        return sum(1 for name in vars(self) if name.isdecimal())

    def __iter__(self) -> Iterator[Any]:
        return iter([v for name, v in vars(self).items() if name.isdecimal()])

    def _place(self, index: int) -> int:
        n = len(self)
        if not isinstance(index, int) or not -n <= index < n:
            raise InvalidArgumentError(f"{type(self).__name__}: item {index!r} of {n}")
        return index % n

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return getattr(self, str(self._place(index)))

    def __setitem__(self, index: int, item: Any) -> None:
        setattr(self, str(self._place(index)), self._checked(item))

    def __delitem__(self, index: int) -> None:
        items = list(self)
        del items[self._place(index)]
        self._renew(items)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} is no layer: call its items, or use nn.Sequential"
        )


class ModuleList(_List):
    """A list of modules: indexed, sliced, iterated, appended to.

    Raises InvalidArgumentError for what is no module.

    >>> import neurenix as nx
    >>> layers = nx.nn.ModuleList([nx.nn.Linear(2, 2), nx.nn.Linear(2, 1)])
    >>> [name for name, _ in layers.named_parameters()]
    ['0.weight', '0.bias', '1.weight', '1.bias']
    """


class ParameterList(_List):
    """A list of parameters; tensors and arrays become parameters.

    >>> import neurenix as nx
    >>> factors = nx.nn.ParameterList([[1.0], [2.0, 3.0]])
    >>> [(name, p.shape) for name, p in factors.named_parameters()]
    [('0', (1,)), ('1', (2,))]
    """

    kind = Parameter

    def _checked(self, item: Any) -> Parameter:
        return item if isinstance(item, Parameter) else Parameter(item)


class _Dict(Module):
    """Items by their keys, which are their names in `state_dict`."""

    kind: type[Any] = Module

    def __init__(self, items: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.update(items or {})

    def _checked(self, item: Any) -> Any:
        if not isinstance(item, self.kind):
            raise InvalidArgumentError(
                f"{type(self).__name__}: an item is a {type(item).__name__}, not an "
                f"nn.{self.kind.__name__}"
            )
        return item

    def update(self, items: Mapping[str, Any]) -> None:
        """Take what another dict holds."""
        if not isinstance(items, (Mapping, _Dict)):
            raise InvalidArgumentError(
                f"{type(self).__name__}: expected a dict, not {type(items).__name__}"
            )
        for key in list(items.keys()):
            self[key] = items[key]

    def __setitem__(self, key: str, item: Any) -> None:
        if not isinstance(key, str) or not key or "." in key:
            raise InvalidArgumentError(
                f"{type(self).__name__}: the key {key!r}; expected a name without dots"
            )
        if key not in self and hasattr(self, key):
            raise InvalidArgumentError(
                f"{type(self).__name__}: the key {key!r} is an attribute of modules; "
                "take another"
            )
        setattr(self, key, self._checked(item))

    def __getitem__(self, key: str) -> Any:
        if key not in self:
            raise KeyError(key)
        return getattr(self, key)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        delattr(self, key)

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def __len__(self) -> int:
        return len(self.keys())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def keys(self) -> list[str]:
        return [k for k, v in vars(self).items() if isinstance(v, self.kind)]

    def values(self) -> list[Any]:
        return [getattr(self, key) for key in self.keys()]

    def items(self) -> list[tuple[str, Any]]:
        return list(zip(self.keys(), self.values(), strict=True))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} is no layer: call one of its items"
        )


class ModuleDict(_Dict):
    """A dict of modules. Keys are names without dots, none of them an attribute that
    every module has.

    Raises InvalidArgumentError for another key, and for what is no module.

    >>> import neurenix as nx
    >>> heads = nx.nn.ModuleDict({"a": nx.nn.Linear(2, 1), "b": nx.nn.Identity()})
    >>> [name for name, _ in heads.named_parameters()], list(heads)
    (['a.weight', 'a.bias'], ['a', 'b'])
    """


class ParameterDict(_Dict):
    """A dict of parameters, as `ModuleDict` of modules; tensors and arrays become
    parameters.

    >>> import neurenix as nx
    >>> nx.nn.ParameterDict({"scale": [1.0]})["scale"].tolist()
    [1.0]
    """

    kind = Parameter

    def _checked(self, item: Any) -> Parameter:
        return item if isinstance(item, Parameter) else Parameter(item)
