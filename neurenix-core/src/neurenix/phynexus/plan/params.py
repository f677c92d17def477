"""Records to the numbers of plan.params and back, as the table in `instructions` has
it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, get_args, get_origin, get_type_hints

from .instructions import RECORD_OF, Record


def encoded(record: Record) -> list[int]:
    """
    >>> from .instructions import Cumsum
    >>> encoded(Cumsum(axis=2, reverse=True))
    [2, 1]
    """
    numbers: list[Any] = []
    for name in record.layout.split():
        if name[0] == "#":
            numbers.append(len(getattr(record, name[1:])))
            continue
        value = getattr(record, name)
        if not isinstance(value, tuple):
            numbers.append(value)
        elif value and isinstance(value[0], tuple):
            numbers += chain.from_iterable(value)
        else:
            numbers += value
    # flags and blocks; most are integers already, and int() takes its time
    return [n if type(n) is int else int(n) for n in numbers]


def decoded(
    opcode: int, numbers: Iterable[int], inputs: int = 0, outputs: int = 0
) -> Record:
    """The record of an instruction that has so many inputs and outputs.

    >>> from neurenix.primitives import ops
    >>> decoded(ops.cumsum.opcode, [2, 1])
    Cumsum(axis=2, reverse=True)
    """
    kind = RECORD_OF[opcode]
    types = get_type_hints(kind)
    operands = {"inputs": inputs, "outputs": outputs}
    counts = {field: operands[which] for field, which in kind.per_operand.items()}
    rest = iter(numbers)
    values: dict[str, Any] = {}
    for name in kind.layout.split():
        if name[0] == "#":
            counts[name[1:]] = next(rest)
        else:
            values[name] = _taken(types[name], rest, counts.get(name, 0))
    assert next(rest, None) is None, f"too many params for {kind.__name__}"
    return kind(**values)


def _taken(kind: Any, rest: Iterator[int], count: int) -> Any:
    """A field's value; a list has `count` items."""
    if get_origin(kind) is tuple:
        part, *others = get_args(kind)
        parts = [part] * count if others == [Ellipsis] else [part, *others]
        return tuple(_taken(part, rest, 0) for part in parts)
    if isinstance(kind, type) and issubclass(kind, tuple):  # a NamedTuple
        return kind(*(_taken(part, rest, 0) for part in get_type_hints(kind).values()))
    number = next(rest)
    return bool(number) if kind is bool else number
