"""Names that do not exist: the error says what was meant.

`hasattr` stays False and cheap: nothing is looked for until the error is read.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from opcode import opmap
from types import FrameType
from typing import Any

from .devices import is_well_known

# Where else a name may stand, and how the error spells it.
_ROOMS = {
    "neurenix": "nx",
    "neurenix.nn": "nx.nn",
    "neurenix.optim": "nx.optim",
    "neurenix.nn.functional": "nx.nn.functional",
    "neurenix.nn.init": "nx.nn.init",
    "neurenix.random": "nx.random",
    "neurenix.array_api": "nx.array_api",
    "neurenix.meta": "neurenix.meta",
    "neurenix.meta.datasets": "neurenix.meta.datasets",
}

Advice = Callable[[str], str]


class _Missing(AttributeError):
    """Says what to use instead, once it is asked for its text."""

    def __init__(self, owner: str, name: str, advice: Advice) -> None:
        super().__init__(name=name)
        self._owner = owner
        self._wanted = name
        self._advice = advice

    def __str__(self) -> str:
        advice = self._advice(self._wanted)
        plain = f"{self._owner} has no {self._wanted!r}"
        return f"{plain}: {advice}" if advice else plain

    def __reduce__(self) -> Any:
        return AttributeError, (str(self),)


def missing(owner: str, name: str, advice: Advice) -> AttributeError:
    """The error for an attribute of `owner`; `advice` is asked only when it is read."""
    if name.startswith("_"):  # Python's own protocols, asked for all the time
        return AttributeError(f"{owner} has no {name!r}", name=name)
    return _Missing(owner, name, advice)


def of_module(
    module: str, elsewhere: Mapping[str, str], packages: Iterable[str] = ()
) -> Callable[[str], Any]:
    """The `__getattr__` of a module.

    elsewhere   names of other libraries, and what to use here
    packages    what other distributions put below it; imported when first asked for
    """

    def advise(name: str) -> str:
        if name in packages:
            return f"it is a package of its own: install {module}-{name}"
        if name in elsewhere:
            return f"use {elsewhere[name]}"
        if is_well_known(name):
            return (
                f'use nx.get_device_count("{name}") to see whether there is one, '
                f'nx.init({{"device": "{name}"}}) to choose it'
            )
        return _in_another_room(module, name) or nearest(
            name, _public(sys.modules[module]), _ROOMS.get(module, module)
        )

    def __getattr__(name: str) -> Any:
        if name in packages:
            try:
                return import_module(f"{module}.{name}")
            except ModuleNotFoundError as error:
                if error.name != f"{module}.{name}":
                    raise
        fault = missing(module, name, advise)
        if _is_import(sys._getframe(1)):  # which would forget what the error says
            raise ImportError(str(fault), name=module)
        raise fault

    return __getattr__


def _is_import(frame: FrameType) -> bool:
    """Whether the frame runs `from module import name`."""
    return frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]


def _in_another_room(module: str, name: str) -> str:
    if name[0].isupper() and find_spec("neurenix.meta"):
        import_module("neurenix.meta")  # perhaps not imported so far
    for other, spelled in _ROOMS.items():
        room = sys.modules.get(other)
        if other != module and room is not None and name in _public(room):
            return f"use {spelled}.{name}"
    return ""


def _public(room: Any) -> Iterable[str]:
    own = (n for n, v in vars(room).items() if _made_in(v) == room.__name__)
    return getattr(room, "__all__", None) or own


def _made_in(value: Any) -> str | None:
    return getattr(value, "__module__", None)


def nearest(name: str, known: Iterable[str], prefix: str) -> str:
    """The name that was probably meant, whatever its case and underscores."""
    from difflib import (
        get_close_matches,  # only here, since it takes its time to import
    )

    plain = {k.lower().replace("_", ""): k for k in known if not k.startswith("_")}
    close = get_close_matches(name.lower().replace("_", ""), plain, n=1, cutoff=0.82)
    return f"did you mean {prefix}.{plain[close[0]]}?" if close else ""
