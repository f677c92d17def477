"""Flags of a command from the table of settings: one for each, as Typer reads them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Optional

import typer

from .config_files import option
from .settings import FIELDS, TYPES


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """The command with a flag for each setting; its first argument, `given`, gets those
    that were given, by name."""

    def called(**values: Any) -> None:
        settings = {name: values.pop(name) for name in FIELDS}
        # of what may be given several times older versions of Typer give an empty list
        given = {n: v for n, v in settings.items() if v not in (None, [], ())}
        if "options" in given:
            given["options"] = dict(option(text) for text in given["options"])
        command(given, **values)

    own = inspect.signature(command, eval_str=True)
    parameters = list(own.parameters.values())[1:]
    flags = [_parameter(name) for name in FIELDS]
    ordered = [p.replace(kind=p.KEYWORD_ONLY) for p in [*flags, *parameters]]
    called.__signature__ = own.replace(parameters=ordered)  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in ordered}
    called.__doc__, called.__name__ = command.__doc__, command.__name__
    called.__module__ = command.__module__
    return called


def _parameter(name: str) -> inspect.Parameter:
    about = FIELDS[name].metadata["help"]
    flag = "--" + name.replace("_", "-")
    if name == "options":
        info = typer.Option("--option", "-o", metavar="NAME=VALUE", help=about)
        kind: Any = Optional[list[str]]  # noqa: UP045  Typer reads it at run time
    else:
        default = FIELDS[name].default
        told = f"{about} (default: {default})" if _worth_showing(default) else about
        both = f"{flag}/--no-{name.replace('_', '-')}"
        info = typer.Option(
            both if TYPES[name] is bool else flag, help=told, show_default=False
        )
        kind = Optional[TYPES[name]]  # noqa: UP045
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind, info],
    )


def _worth_showing(default: object) -> bool:
    return not isinstance(default, bool) and default not in ("", 0)
