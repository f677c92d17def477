"""Looking at programs from within: running them as ordinary Python, and printing."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import dispatch
from .errors import CaptureError, InvalidArgumentError
from .user_lines import user_line


@contextmanager
def eager() -> Iterator[None]:
    """Within it, and in this thread, nothing is captured: what `nx.compile` gives runs
    as the Python function that it was made of, and `nx.map`, `nx.vmap` and `nx.scan`
    call theirs once for each iteration. So `print`, `pdb` and branches that depend on
    values work in them. Results are those of the programs, up to rounding; it is slow.

    State is changed as a program changes it: at the end of a call, and not at all where
    that raises or, with guard=True, where something is not finite. Random numbers are a
    program's, too, but for those that are drawn in a compiled function within another.

    Raises CaptureError where a program is being captured around it.

    >>> import neurenix as nx
    >>> @nx.compile
    ... def half(x):
    ...     return x / 2 if x.sum() > 0 else x
    >>> with nx.debug.eager():
    ...     half(nx.tensor([4.0])).tolist()
    [2.0]
    """
    if dispatch.state.recorders:
        raise CaptureError(
            f"debug.eager within a program that is being captured ({user_line()}): "
            "enter it around the outermost call"
        )
    before, dispatch.state.eager = dispatch.state.eager, True
    try:
        yield
    finally:
        dispatch.state.eager = before


def print(text: str, *values: Any, **named: Any) -> None:
    """Print `text.format(*values, **named)`, at once.

    Tensors have values in eager code: outside what is captured, within `debug.eager`,
    and in a learner's methods with compile=False. Elsewhere a CaptureError says so.

    >>> import neurenix as nx
    >>> nx.debug.print("the loss is {loss}, {}", 1, loss=nx.tensor(0.5).item())
    the loss is 0.5, 1
    """
    if not isinstance(text, str):
        raise InvalidArgumentError(
            f"debug.print: {text!r} is no text; as of str.format, like "
            "debug.print('loss {}', loss)"
        )
    if dispatch.state.recorders:
        raise CaptureError(
            f"debug.print at {user_line()}: a program is being captured, and its "
            "tensors have no values yet. Run it with compile=False (meta_learn, "
            "evaluate, adapt_to_task), or within nx.debug.eager()"
        )
    try:
        line = text.format(*values, **named)
    except (IndexError, KeyError, ValueError) as error:
        raise InvalidArgumentError(
            f"debug.print: {text!r} does not go with {len(values)} values and the "
            f"names {', '.join(named) or 'none'}: {error!r}"
        ) from None
    builtins.print(line, flush=True)
