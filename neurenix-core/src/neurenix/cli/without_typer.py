"""The command where Typer is not installed: `neurenix doctor`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ..errors import CommandLineError
from ..installing import how_to_install
from . import commands
from .doctor import DEFAULT_LIMIT, EXPLAINED, LONGEST_LIMIT, diagnose


def run(arguments: Sequence[str]) -> int:
    """Run it; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="neurenix", description="Meta-learning on a tensor core of its own."
    )
    choices = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    doctor = choices.add_parser(
        "doctor",
        help="say of every device type whether it works, and why not",
        description=EXPLAINED,
    )
    doctor.add_argument(
        "device_types", nargs="*", metavar="TYPE", help="only these (default: all)"
    )
    doctor.add_argument("--json", action="store_true", help="for programs to read")
    doctor.add_argument(
        "--timeout",
        type=_seconds,
        default=DEFAULT_LIMIT,
        metavar="SECONDS",
        help="how long a device type may take to answer (default: %(default)g)",
    )
    for name in commands.installed():
        choices.add_parser(name, help="needs the package typer", add_help=False)
    chosen, rest = parser.parse_known_args(arguments)
    if chosen.command != "doctor":
        parser.error(
            f"the command {chosen.command!r} needs the packages typer, rich and "
            f"tomlkit: {how_to_install('neurenix-meta', 'cli')}"
        )
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        text, status = diagnose(chosen.device_types, chosen.json, chosen.timeout)
    except CommandLineError as error:
        parser.error(str(error))
    print(text)
    return status


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= LONGEST_LIMIT:
        raise argparse.ArgumentTypeError(
            f"{text}; expected more than 0, at most {LONGEST_LIMIT:g}"
        )
    return value
