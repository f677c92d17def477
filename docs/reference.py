"""Which public names there are, and on which page of the API reference each stands."""

import importlib
import importlib.util
import inspect
import sys
from types import ModuleType

# Pages by module; those of extras that are not here yet are left out. What the roofs
# (`neurenix`, `neurenix.meta`) hold is divided by where it is defined.
MODULES = (
    "neurenix",
    "neurenix.autograd",
    "neurenix.nn",
    "neurenix.nn.functional",
    "neurenix.nn.init",
    "neurenix.optim",
    "neurenix.linalg",
    "neurenix.random",
    "neurenix.tree",
    "neurenix.dtypes",
    "neurenix.errors",
    "neurenix.debug",
    "neurenix.backends",
    "neurenix.testing",
    "neurenix.meta",
    "neurenix.meta.datasets",
    "neurenix.meta.distributed",
    "neurenix.meta.recipes",
    "neurenix.meta.plot",
    "neurenix.meta.sklearn",
)
ELSEWHERE = {"neurenix.array_api": "array-api.md"}
# The roof has 200 names: by the room that defines them.
ROOF = "neurenix"
ROOMS = {
    "Tensors and devices": (
        *("tensor", "devices", "settings", "memory", "dtypes", "profiling"),
    ),
    "Functions of arrays": ("functions", "linalg"),
    "Random numbers": ("random",),
    "Derivatives and programs": ("autograd", "transforms", "state", "io"),
}


def modules() -> dict[str, ModuleType]:
    """The modules with a page that are here."""
    found = {}
    for name in MODULES:
        if importlib.util.find_spec(name) is not None:
            found[name] = importlib.import_module(name)
    return found


def public_names(module: ModuleType) -> list[str]:
    """What a module offers: its `__all__`, else what it defines without underscore."""
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return [name for name in listed if not name.startswith("__")]
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isroutine(value))
        and value.__module__ == module.__name__
    ]


def documented(module: ModuleType) -> list[str]:
    """Its functions and classes, by full name."""
    return [
        f"{module.__name__}.{name}"
        for name in public_names(module)
        if inspect.isclass(getattr(module, name))
        or (callable(getattr(module, name)) and getattr(module, name).__doc__)
    ]


def values(module: ModuleType) -> dict[str, object]:
    """Its constants and other plain values, by name; no modules."""
    full = set(documented(module))
    return {
        name: getattr(module, name)
        for name in public_names(module)
        if f"{module.__name__}.{name}" not in full
        and not inspect.ismodule(getattr(module, name))
    }


def pages() -> dict[str, str]:
    """The Markdown of each page of the reference, by its path."""
    found = {"reference/index.md": _index()}
    for name, module in modules().items():
        head = f"# `{name}`\n\n{_first_lines(module)}\n"
        names = documented(module)
        if name == ROOF:
            for title, some in _by_room(module, names).items():
                slug = title.lower().replace(" ", "-")
                found[f"reference/neurenix-{slug}.md"] = (
                    f"# `neurenix`: {title[0].lower()}{title[1:]}\n{_entries(some)}"
                )
            names = []
        text = head + _entries(names) + _values(module)
        found[f"reference/{name}.md"] = text
    return found


def _first_lines(module: ModuleType) -> str:
    return (module.__doc__ or "").partition("\n\n")[0].strip()


def _by_room(module: ModuleType, names: list[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {title: [] for title in ROOMS}
    for full in names:
        value = getattr(module, full.rpartition(".")[2])
        room = value.__module__.split(".")[1]
        title = next((t for t, rooms in ROOMS.items() if room in rooms), None)
        groups[title or "Functions of arrays"].append(full)
    return groups


def _entries(names: list[str]) -> str:
    """A heading and the docstring of each, which mkdocstrings fills in."""
    return "".join(_entry(name) for name in names)


def _entry(name: str) -> str:
    if name not in sys.modules:
        return f"\n::: {name}\n"
    # A module of that name is what griffe finds in its place.
    module, _, short = name.rpartition(".")
    defined = getattr(importlib.import_module(module), short)
    path = f"{defined.__module__}.{defined.__qualname__}"
    return f"\n::: {path}\n    options:\n      heading: {name}\n"


def _values(module: ModuleType) -> str:
    found = values(module)
    if not found:
        return ""
    rows = "".join(
        f"| `{name}` | `{str(value).splitlines()[0][:60]}` |\n"
        for name, value in sorted(found.items())
    )
    return f"\n## Values\n\n| name | value |\n| --- | --- |\n{rows}"


def _index() -> str:
    lines = ["# API reference\n", "Every public name.\n"]
    for name, module in modules().items():
        if name == ROOF:
            lines += [
                f"- [`neurenix`: {title[0].lower()}{title[1:]}]"
                f"(neurenix-{title.lower().replace(' ', '-')}.md)"
                for title in ROOMS
            ]
            lines.append(f"- [`neurenix`: values]({name}.md)")
            continue
        lines.append(f"- [`{name}`]({name}.md): {_first_lines(module)}")
    lines += [f"- [`{m}`](../{page})" for m, page in ELSEWHERE.items()]
    return "\n".join([*lines, ""])
