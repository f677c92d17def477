"""Walks through everything that a function can reach; makes a key of it, equal only if
no program can tell the difference, and the checks for later calls."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from ...attributes import SCALARS, static_key
from .checks import Checks
from .user_code import Names, origin, top_of

# How a value is reached: the path before, or None; and the last part. A text is made of
# it only for messages: `net.layers[1]`.
Path = tuple[Any, str]
# A rule makes the key of a value. The flag says whether the value has others inside,
# which it may share or which may lead back to it.
Rule = Callable[["Walk", Any, Path], Any]
RuleOf = Callable[[type], tuple[Rule, bool]]

_BY_VALUE = (*SCALARS, bytes, complex)
_HEAP_TYPE = 1 << 9  # CPython's flag of classes that Python code has made


class Walk:
    """One walk.

    owner     the function, for messages
    names     grows with the code that is met; `grew` says that it did, so that another
              walk may find more
    home      packages that are the user's own, though they are installed; and
              ("library", name) where code that exec runs has the name of a library
    rule_of   how a value is looked at, by its class
    checks    what a repeated call looks at again
    consumed  what gives something else each time, where that can be seen
    """

    def __init__(
        self, owner: str, names: Names, home: set[Any], rule_of: RuleOf
    ) -> None:
        self.owner = owner
        self.names = names
        self.home = home
        self.checks = Checks()
        self.consumed: list[tuple[Any, Path]] = []
        self.grew = False
        self._numbers: dict[Any, int] = {}
        self._alive: list[Any] = []  # so that no id comes twice
        self._rule_of = rule_of
        self._rules: dict[type, tuple[Rule, bool]] = {}

    def visit(self, value: Any, path: Path) -> Any:
        """The key of a value; hashable."""
        kind = type(value)
        if kind in _BY_VALUE:
            return static_key(value)
        found = self._rules.get(kind)
        if found is None:
            found = self._rules[kind] = self._rule_of(kind)
        rule, has_inside = found
        if not has_inside:
            return rule(self, value, path)
        number = self.met(id(value))
        if number is not None:
            return "again", number
        self._alive.append(value)
        return rule(self, value, path)

    def met(self, key: Any) -> int | None:
        """The number of a value that was met before; None for a new one."""
        count = len(self._numbers)
        number = self._numbers.setdefault(key, count)
        return None if number == count else number

    def is_user(self, module: str | None) -> bool:
        """Whether code of this module is the user's."""
        top = top_of(module)
        where = origin(top)
        return (
            where == "user"
            or (where == "installed" and top in self.home)
            or (where, top) in self.home
        )

    def is_user_class(self, kind: type) -> bool:
        """Whether a class is the user's: not one of Python's own under the same name of
        a module."""
        return bool(kind.__flags__ & _HEAP_TYPE) and self.is_user(kind.__module__)


def parts(path: Path | None) -> list[str]:
    """The parts of a path, the outermost first."""
    found = []
    while path is not None:
        path, part = path
        found.append(part)
    return found[::-1]


class Same:
    """The key of an object that equals no other's. It keeps the object alive, so that
    none gets its id."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return type(other) is Same and self.value is other.value


class SameTensor:
    """The key of a tensor that equals no other's. It does not keep the tensor."""

    __slots__ = ("number", "ref")

    def __init__(self, value: Any) -> None:
        self.ref = weakref.ref(value)
        self.number = id(value)

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        if type(other) is not SameTensor:
            return False
        mine = self.ref()
        return mine is not None and mine is other.ref()
