"""Architecture: modules of ours as JSON, from which another process builds them again.

Each module is its class, by name, and its attributes as they are: what was set or
replaced after it was made is in it, too. Classes are looked up among those of Neurenix
that are loaded; nothing that a file names is imported or called.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import neurenix as nx
from neurenix import nn
from neurenix.errors import FileFormatError

from ..method import Method
from ..programs import Programs
from ..tasks.kinds import Kinds

Json = Any
_SCALARS = (bool, int, float, str, type(None))
_OURS = "neurenix."
# Of a learner, what its methods make anew: no result depends on it.
_LEFT_OUT = frozenset({"_programs", "_memory_plans"})


class NotOursError(Exception):
    """A part that no file can describe: a class or a function of one's own."""


def described(root: nn.Module) -> tuple[dict[str, Json], dict[str, nx.Tensor]]:
    """Modules by their paths, as JSON can say them, and the values of their parameters
    and buffers by name.

    Raises NotOursError, which says what it is, for a part that is not Neurenix's.

    >>> modules, values = described(nn.Sequential(nn.Linear(2, 1), nn.ReLU()))
    >>> modules["1"], sorted(values)
    ({'class': 'ReLU', 'attributes': {}}, ['0.bias', '0.weight'])
    """
    paths = {id(module): path for path, module in root.named_modules()}
    cells = root.named_cells()
    names = {id(cell): name for name, cell in cells.items()}
    modules: dict[str, Json] = {}
    for path, module in root.named_modules():
        kind = type(module)
        where = f"{path or 'the whole'} is a {kind.__name__}"
        if not kind.__module__.startswith(_OURS):
            raise NotOursError(f"{where}, of {kind.__module__}")
        left_out = _LEFT_OUT if isinstance(module, Method) else frozenset()
        try:
            modules[path] = {
                "class": kind.__name__,
                "attributes": {
                    name: _described(value, paths, names)
                    for name, value in vars(module).items()
                    if name not in left_out
                },
            }
        except NotOursError as error:
            raise NotOursError(f"{where}, which holds {error}") from None
    return modules, {name: cell.value() for name, cell in cells.items()}


def _described(value: object, paths: dict[int, str], names: dict[int, str]) -> Json:
    """A scalar as it is; anything else as a dict of one key, its kind."""
    if type(value) in _SCALARS:
        return value
    if isinstance(value, nn.Module):
        return {"module": paths[id(value)]}
    if isinstance(value, nn.Parameter):
        return {"parameter": [names[id(value)], value.requires_grad]}
    if isinstance(value, nn.Buffer):
        return {"buffer": [names[id(value)], value.reduction]}
    if value is nx.random.default_generator:
        return {"generator": None}
    if isinstance(value, nx.Generator):
        return {"generator": value.state_dict()}
    if isinstance(value, Kinds):
        return {"kinds": value._asdict()}
    if type(value) in (list, tuple):
        items = [_described(x, paths, names) for x in value]  # type: ignore[attr-defined]
        return {type(value).__name__: items}
    if type(value) is frozenset and all(type(x) is str for x in value):
        return {"frozenset": sorted(value)}
    if type(value) is dict and all(type(key) is str for key in value):
        return {"dict": {k: _described(x, paths, names) for k, x in value.items()}}
    raise NotOursError(f"a {type(value).__name__}")


def built(modules: Mapping[str, Json], values: Mapping[str, nx.Tensor]) -> nn.Module:
    """The module that `described` has described.

    Raises FileFormatError for a description of another version, or of nothing.
    """
    ours = {kind.__name__: kind for kind in _classes(nn.Module)}
    try:
        made: dict[str, nn.Module] = {}
        for path, part in modules.items():
            kind = ours.get(part["class"])
            if kind is None:
                raise FileFormatError(
                    f"it has a {part['class']!r}, which Neurenix {nx.__version__} has "
                    "not"
                )
            made[path] = kind.__new__(kind)
        parts: dict[str, Any] = {}
        # The lowest first: who gets a module names what that holds.
        for path, part in reversed(list(modules.items())):
            module = made[path]
            if isinstance(module, Method):
                vars(module)["_programs"] = Programs()
            for name, value in part["attributes"].items():
                setattr(module, name, _built(value, made, values, parts))
        return made[""]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(
            f"its architecture is damaged, or another version's: {error!r}"
        ) from error


def _built(
    value: Json,
    made: Mapping[str, nn.Module],
    values: Mapping[str, nx.Tensor],
    parts: dict[str, Any],
) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "module":
        return made[content]
    if kind == "parameter":
        name, requires_grad = content
        if name not in parts:  # two attributes may hold one
            parts[name] = nn.Parameter(values[name], requires_grad=requires_grad)
        return parts[name]
    if kind == "buffer":
        name, reduction = content
        if name not in parts:
            parts[name] = nn.Buffer(values[name], reduction=reduction)
        return parts[name]
    if kind == "generator":
        return _generator(content)
    if kind == "kinds":
        return Kinds(**content)
    if kind == "dict":
        return {k: _built(x, made, values, parts) for k, x in content.items()}
    items = [_built(x, made, values, parts) for x in content]
    return {"list": list, "tuple": tuple, "frozenset": frozenset}[kind](items)


def _generator(state: Mapping[str, int] | None) -> nx.Generator:
    if state is None:
        return nx.random.default_generator
    generator = nx.Generator(0)
    generator.load_state_dict(state)
    return generator


def _classes(kind: type[nn.Module]) -> Iterator[type[nn.Module]]:
    """All of Neurenix's classes below one, that have been loaded."""
    for below in kind.__subclasses__():
        if below.__module__.startswith(_OURS):
            yield below
        yield from _classes(below)
