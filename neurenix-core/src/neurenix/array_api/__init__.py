"""The namespace of the Python array API standard 2024.12.

Code that is written to the standard runs on tensors through it:

    >>> import neurenix as nx
    >>> x = nx.tensor([3.0, 4.0])
    >>> xp = x.__array_namespace__()
    >>> xp.hypot(x[0], x[1]).item()
    5.0

`docs/array-api.md` lists what is present, and why the rest is not.
"""

from __future__ import annotations

from math import e, inf, nan, pi
from typing import Any

from ..devices import Device, parse_device
from ..dtypes import bool_ as bool
from ..dtypes import float32, float64, int32, int64, uint8, uint32
from ..errors import InvalidArgumentError
from ..settings import backend_of, current_device
from ..tensor import Tensor
from . import (
    creation,
    elementwise,
    kinds,
    linalg,
    manipulation,
    products,
    searching,
    statistics,
)
from .creation import *  # noqa: F403
from .elementwise import *  # noqa: F403
from .kinds import *  # noqa: F403
from .manipulation import *  # noqa: F403
from .products import *  # noqa: F403
from .searching import *  # noqa: F403
from .statistics import *  # noqa: F403

__array_api_version__ = "2024.12"
newaxis = None


class NamespaceInfo:
    """Answers the standard's questions about the namespace: capabilities, devices,
    dtypes."""

    def capabilities(self) -> dict[str, Any]:
        return {
            "boolean indexing": True,
            "data-dependent shapes": False,
            "max dimensions": 8,
        }

    def default_device(self) -> Device:
        return current_device()

    def devices(self) -> list[Device]:
        """The devices of the available types."""
        from ..backends import Available, discovery

        names = ["reference", *discovery.names()]
        states = {name: discovery.state(name) for name in names}
        return [
            parse_device(f"{name}:{i}")
            for name, state in states.items()
            if isinstance(state, Available)
            for i in range(state.count)
        ]

    def default_dtypes(self, *, device: Any = None) -> dict[str, Any]:
        return {"real floating": float32, "integral": int32, "indexing": int32}

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, Any]:
        """The standard's dtypes that the device has, by name."""
        where = current_device() if device is None else parse_device(device)
        has = backend_of(where, "dtypes").capabilities(where.index).dtypes
        found = {d.name: d for d in kinds.STANDARD if d in has}
        if kind is None:
            return found
        return {n: d for n, d in found.items() if kinds.isdtype(d, kind)}


def __array_namespace_info__() -> NamespaceInfo:
    return NamespaceInfo()


def _namespace(x: Tensor, /, *, api_version: str | None = None) -> Any:
    """`neurenix.array_api`, if it has the version that is asked for."""
    import sys

    if api_version not in (None, "2021.12", "2022.12", "2023.12", "2024.12"):
        raise InvalidArgumentError(
            f"__array_namespace__: api_version={api_version!r}; there is 2024.12"
        )
    return sys.modules[__name__]


def _to_device(x: Tensor, device: Any, /, *, stream: Any = None) -> Tensor:
    return x.to(device)


# Attributes that the standard asks of arrays and Tensor lacks.
for _name, _value in {
    "__array_namespace__": _namespace,
    "to_device": _to_device,
    "mT": property(products.matrix_transpose),
    "__lshift__": elementwise.bitwise_left_shift,
    "__rshift__": elementwise.bitwise_right_shift,
}.items():
    setattr(Tensor, _name, _value)

__all__ = [
    "__array_api_version__",
    "__array_namespace_info__",
    "bool",
    "e",
    "float32",
    "float64",
    "inf",
    "int32",
    "int64",
    "linalg",
    "nan",
    "newaxis",
    "pi",
    "uint32",
    "uint8",
]
__all__ += creation.__all__
__all__ += elementwise.__all__
__all__ += kinds.__all__
__all__ += manipulation.__all__
__all__ += searching.__all__
__all__ += statistics.__all__
__all__ += products.__all__
