"""The command as a Typer application: commands by name, errors, exit statuses."""

from __future__ import annotations

import inspect
import os
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TextIO

import typer

from ..errors import CommandLineError, NeurenixError
from ..keywords import alike
from . import commands
from .doctor import DEFAULT_LIMIT, LONGEST_LIMIT, diagnose

EXIT_STATUSES = (
    "Exit status: 0 done, 1 it could not be done (the error says why), 2 the command "
    "line or a configuration file is wrong and nothing was done, 130 ended by Ctrl-C."
)
EXAMPLES = "Examples:"
_WHERE = re.compile(r" \(in [\w.]+\)$")  # the function that was called
# Newer versions of Typer have click's exceptions themselves.
_EXCEPTIONS: Any = sys.modules[typer.BadParameter.__module__]


def run(arguments: Sequence[str]) -> int:
    """Run it; returns the exit status."""
    try:
        found = commands.installed()
        application = _application(found, _named(arguments, found))
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            result = typer.main.get_command(application).main(
                args=list(arguments) or ["--help"],
                prog_name="neurenix",
                standalone_mode=False,
            )
        return result if isinstance(result, int) else 0
    except _EXCEPTIONS.UsageError as error:
        return _say(_usage(error, arguments), 2)
    except _EXCEPTIONS.ClickException as error:
        return _say(error.format_message(), 1)
    except CommandLineError as error:
        return _say(str(error), 2)
    except NeurenixError as error:
        return _say(_WHERE.sub("", str(error)), 1)
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (KeyboardInterrupt, typer.Abort):
        return _say("stopped", 130)


def _say(text: str, status: int) -> int:
    print(f"neurenix: {text}", file=sys.stderr)
    return status


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A line for people; where in the code it was raised tells them nothing."""
    print(f"neurenix: warning: {message}", file=sys.stderr)


# ---- commands ------------------------------------------------------------------------


def _application(
    found: dict[str, commands.Installed], names: Sequence[str]
) -> typer.Typer:
    """An application with these of the commands."""
    application = typer.Typer(
        name="neurenix",
        help="Meta-learning on a tensor core of its own.",
        epilog=EXIT_STATUSES,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    application.callback()(_root)
    _add(application, "doctor", doctor)
    for name in names:
        _add(application, name, _loaded(found[name]))
    return application


def _named(
    arguments: Sequence[str], found: dict[str, commands.Installed]
) -> Sequence[str]:
    """The command that is called; all, where help or completion is to name them. What
    is not called is not imported.

    Raises CommandLineError, with the nearest that there is, for one that is not there.
    """
    if "_NEURENIX_COMPLETE" in os.environ:
        line = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS")
        arguments = (line or "").split()[1:]
        first = next(iter(arguments), None)
    else:
        first = next((a for a in arguments if not a.startswith("-")), None)
        names = [*commands.OWN, *found]
        if first is not None and first not in names:
            near = alike(first, names)
            meant = f"Did you mean {' or '.join(near)}? " if near else ""
            raise CommandLineError(
                f"no command {first!r}. {meant}There are {', '.join(names)}"
            )
    if first in commands.OWN:
        return []
    return [first] if first in found else list(found)


def _add(application: typer.Typer, name: str, command: Any) -> None:
    if isinstance(command, typer.Typer):
        application.add_typer(command, name=name)
        return
    told, _, examples = (inspect.getdoc(command) or "").partition(EXAMPLES)
    told = "\n\n".join(" ".join(part.split()) for part in told.split("\n\n"))
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    # Typer makes one line of what no empty line parts.
    epilog = "\n\n".join([EXAMPLES, *lines]) if lines else None
    application.command(name, help=told.strip(), epilog=epilog)(command)


def _loaded(command: commands.Installed) -> Any:
    """What a distribution's entry point leads to; a command that says why it is broken
    where it cannot be imported."""
    try:
        return command.load()
    except Exception as error:  # noqa: BLE001  a plugin's code: whatever it raises
        cause = f"{type(error).__name__}: {error}"
        return _broken(command, cause)


def _broken(command: commands.Installed, cause: str) -> Callable[[], None]:
    told = f"{command.distribution} is installed but broken: {cause}"

    def broken() -> None:
        raise NeurenixError(f"{command.name}: {told}")

    broken.__doc__ = told
    return broken


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"neurenix {version('neurenix-core')}")
        raise typer.Exit()


def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """Meta-learning on a tensor core of its own."""


def doctor(
    device_types: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TYPE]...", help="Only these (default: all)."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="For programs to read.")] = False,
    timeout: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", help="How long a device type may take to answer."
        ),
    ] = DEFAULT_LIMIT,
) -> None:
    """Say of every device type whether it works, and why not.

    Looks at every device type in a process of its own, computes something on each of
    its devices, and says what is available, absent or broken, and why. The exit status
    is 1 if something is broken.

    Examples:
        neurenix doctor
        neurenix doctor cpu reference --json
    """
    if not 0 < timeout <= LONGEST_LIMIT:
        raise CommandLineError(
            f"doctor: --timeout {timeout:g}; expected more than 0, at most "
            f"{LONGEST_LIMIT:g} seconds"
        )
    text, status = diagnose(device_types or [], json, timeout)
    typer.echo(text)
    raise typer.Exit(status)


# ---- a wrong command line ------------------------------------------------------------


def _usage(error: Any, arguments: Sequence[str]) -> str:
    """What is wrong with the command line, the nearest right one, and where to look."""
    path = error.ctx.command_path if error.ctx else "neurenix"
    told = error.format_message()
    if isinstance(error, _EXCEPTIONS.NoSuchOption) and error.ctx:
        flags = [
            o for p in error.ctx.command.params for o in [*p.opts, *p.secondary_opts]
        ]
        by_name = {_plain(flag): flag for flag in flags if flag.startswith("--")}
        near = [by_name[n] for n in alike(_plain(error.option_name), by_name)]
        told = f"{error.message}." + (
            f" Did you mean {' or '.join(near)}?" if near else ""
        )
    elif isinstance(error, _EXCEPTIONS.BadParameter):
        told = _no_number(error, arguments) or told
    name = path.removeprefix("neurenix").strip()
    return (
        f"{name}: {told}\nTry: {path} --help" if name else f"{told}\nTry: {path} --help"
    )


def _no_number(error: Any, arguments: Sequence[str]) -> str | None:
    """What is said of an option's value that is to be a number and is none: versions
    of Typer say it each in its way, the newest without the value."""
    found = re.search("valid (integer|float|number)", error.message)
    if found is None or error.param is None:
        return None
    words = "a whole number" if found[1] == "integer" else "a number"
    for flag, value in zip(arguments, [*arguments[1:], ""]):
        name, equals, rest = flag.partition("=")
        if name in error.param.opts:
            return f"{name} {rest if equals else value}; expected {words}"
    return None


def _plain(flag: str) -> str:
    return flag.lstrip("-").replace("-", "_")
