"""The command `neurenix`, as far as core goes: `neurenix doctor`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from .doctor import DEFAULT_LIMIT, examine
from .report import as_json, as_text, automatic

__all__ = ["examine", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status (doctor's is 1 if a device is broken).

    >>> main(["doctor", "--json", "reference"])  # doctest: +SKIP
    0
    """
    parser = argparse.ArgumentParser(
        prog="neurenix", description="Meta-learning on a tensor core of its own."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    doctor = commands.add_parser(
        "doctor",
        help="say of every device type whether it works, and why not",
        description=(
            "Looks at every device type in a process of its own, computes something "
            "on each of its devices, and says what is available, absent or broken, "
            "and why. The exit status is 1 if something is broken."
        ),
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
    chosen = parser.parse_args(arguments)
    reports = examine(chosen.device_types, limit=chosen.timeout)
    taken = None if chosen.device_types else automatic(reports)
    print((as_json if chosen.json else as_text)(reports, taken))
    return int(any(report.state == "broken" for report in reports))


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"{text}; expected more than 0, at most 3600")
    return value
