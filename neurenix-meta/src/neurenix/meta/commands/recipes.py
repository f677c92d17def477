"""`neurenix recipes`: the published settings that there are."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Optional

import typer

from .. import recipes as room
from .choices import one_of
from .output import print_json, print_table

RECIPES: Mapping[str, Callable[..., room.Recipe]] = MappingProxyType(
    {
        name.replace("_", "-"): vars(room)[name]
        for name in room.__all__
        if inspect.isfunction(vars(room)[name])
        and inspect.signature(vars(room)[name]).return_annotation == "Recipe"
    }
)


def recipes(
    name: Annotated[
        Optional[str],  # noqa: UP045  Typer reads it at run time
        typer.Argument(help="Tell all about this one."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="For programs to read.")] = False,
) -> None:
    """List the published settings that `neurenix reproduce` trains and tests.

    Examples:
        neurenix recipes
        neurenix recipes maml-sine
    """
    if name is not None:
        told = about(one_of("recipe", name, RECIPES))
        if json:
            print_json(told)
        else:
            typer.echo(f"{name}\n\n{told['told']}\n\narguments (-o NAME=VALUE):")
            for argument, default in told["arguments"].items():
                typer.echo(f"  {argument} = {default}")
        return
    if json:
        print_json({name: about(name) for name in RECIPES})
        return
    rows = [[name, about(name)["heading"]] for name in RECIPES]
    print_table(["recipe", "what it is"], rows)


def about(name: str) -> dict[str, Any]:
    """What a recipe's function says, and its arguments with their defaults."""
    function = RECIPES[name]
    arguments = {
        p.name: p.default
        for p in inspect.signature(function).parameters.values()
        if p.name != "data" and p.kind is not p.VAR_KEYWORD
    }
    told = inspect.getdoc(function) or ""
    heading = " ".join(told.partition("\n\n")[0].split())
    return {"heading": heading, "told": told, "arguments": arguments}
