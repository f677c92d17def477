"""Writes methods.py, by which type checkers know the methods that `operators` hangs on
Tensor. Run `python -m neurenix.functions.write_methods` after a change of those."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .operators import hung

TARGET = Path(__file__).resolve().parents[1] / "methods.py"

# Left out, since with __getattr__ every name would exist to a checker.
_UNSEEN = {"__getattr__", "__format__", "__array_function__"}
_RETURNS = {"__hash__": "int"}  # object's own has no annotation
_KNOWN = {"Any", "None", "bool", "float", "int", "list", "str", "tuple"}
_KNOWN |= {"Iterator", "Made"}

_HEAD = '''"""The methods and operators of tensors, for type checkers. Written by
`python -m neurenix.functions.write_methods` from the functions themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

Made = TypeVar("Made")

if TYPE_CHECKING:

    class Methods(Generic[Made]):
        """Methods that give tensors of type Made."""

'''


def generate() -> str:
    methods = {name: f for name, f in hung().items() if name not in _UNSEEN}
    # Last those that are named as types: from there on the class has them for its own.
    last = [name for name in methods if name in _KNOWN]
    order = [*(name for name in methods if name not in last), *last]
    return _HEAD + "".join(_stub(name, methods[name]) for name in order)


def _stub(name: str, function: Callable[..., Any] | property) -> str:
    indent = " " * 8
    if isinstance(function, property):
        return f"{indent}@property\n{indent}def {name}(self) -> Made: ...\n"
    _, *parameters = inspect.signature(function).parameters.values()
    told = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    for p in parameters:
        told.append(p.replace(annotation=_Text(_type(p.annotation, "Any"))))
    returned = _type(inspect.signature(function).return_annotation, "Made")
    text = str(inspect.Signature(told)).replace("self, /", "self")
    ignored = "  # type: ignore[override]" if name in ("__eq__", "__ne__") else ""
    return f"{indent}def {name}{text} -> {_RETURNS.get(name, returned)}: ...{ignored}\n"


class _Text:
    """An annotation that is shown as it is."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _type(annotation: Any, otherwise: str) -> str:
    """An annotation as methods.py can have it, or Any where it cannot."""
    if not isinstance(annotation, str):
        return otherwise
    text = re.sub(r"\bTensor\b", "Made", annotation)
    return text if set(re.findall(r"\w+", text)) <= _KNOWN else "Any"


if __name__ == "__main__":
    TARGET.write_text(generate(), encoding="utf-8")
