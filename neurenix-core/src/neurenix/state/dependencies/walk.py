"""The walk through all that a function can reach: a key of it, equal only if no program
can tell the difference, and what to look at again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...attributes import SCALARS, static_key
from .checks import Checks
from .keys import INSIDELESS, rule_of
from .names import Names
from .paths import Path
from .user_code import origin, top_of

_BY_VALUE = (*SCALARS, bytes, complex)
_HEAP_TYPE = 1 << 9  # CPython's flag of classes that Python code has made


class Walk:
    """One walk.

    owner    the function, for messages
    names    grows with the code that is met; `grew` says that it did, so that another
             walk may find more
    home     packages that are the user's own, though they are installed; and
             ("library", name) where code that exec runs has the name of a library
    checks   what to look at again
    consumed   what gives something else each time, where it can be seen
    """

    def __init__(self, owner: str, names: Names, home: set[Any]) -> None:
        self.owner = owner
        self.names = names
        self.home = home
        self.checks = Checks()
        self.consumed: list[tuple[Any, Path]] = []
        self.grew = False
        self._numbers: dict[Any, int] = {}
        self._alive: list[Any] = []  # so that no id comes twice
        self._rules: dict[type, Callable[..., Any]] = {}

    def visit(self, value: Any, path: Path) -> Any:
        """The key of a value; hashable."""
        kind = type(value)
        if kind in _BY_VALUE:
            return static_key(value)
        rule = self._rules.get(kind)
        if rule is None:
            rule = self._rules[kind] = rule_of(kind)
        if rule in INSIDELESS:
            return rule(self, value, path)
        number = self.met(id(value))
        if number is not None:
            return "again", number
        self._alive.append(value)
        return rule(self, value, path)

    def met(self, key: Any) -> int | None:
        """Its number if it was met before."""
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
