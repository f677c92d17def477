"""Calls foreign code that may never return, and gives up after a while."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from ..errors import BackendError


def within(seconds: float | None, what: str, function: Callable[[], Any]) -> Any:
    """function(), or BackendError after so many seconds, with where it hangs.

    It runs in a thread, which cannot be ended: given up, it is left behind. None: no
    limit, and no thread; where none can be started (in a browser) there is no limit
    either. Code that hangs and keeps the interpreter's lock is beyond this; `neurenix
    doctor` finds it.

    >>> within(5.0, "the sum", lambda: 1 + 1)
    2
    """
    if seconds is None:
        return function()
    answer: list[Any] = []
    failure: list[BaseException] = []

    def call() -> None:
        try:
            answer.append(function())
        except BaseException as error:  # noqa: BLE001  the caller raises it
            failure.append(error)

    thread = threading.Thread(target=call, name=f"neurenix: {what}", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # what CPython raises where there are no more threads, or none
        return function()
    thread.join(seconds)
    if failure:
        raise failure[0]
    if answer:
        return answer[0]
    frame = sys._current_frames().get(thread.ident or 0)
    where = ""
    if frame is not None:
        code = frame.f_code
        where = f" (in {code.co_name}, {code.co_filename}:{frame.f_lineno})"
    raise BackendError(f"{what} hung: no answer within {seconds:g} s{where}")
