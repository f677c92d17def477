"""ProgressBar: how far training is, on a terminal, in a notebook and in a log file."""

from __future__ import annotations

import sys
import time
from importlib.util import find_spec
from typing import Any

from neurenix.arguments import positive

from .events import Callback, Event, Learner


class ProgressBar(Callback):
    """How far a run is, on standard error.

    On a terminal a bar of one line, as wide as the terminal is; in a notebook the bar
    of tqdm's for notebooks (a line of text without ipywidgets). Anywhere else, as in a
    log file, a line every so often, without carriage returns:

        MAML: 1200 of 6000 steps (20 %), 05:00<20:00, loss 0.41, accuracy 0.87

    (what has passed, and what is left). A run shorter than `every` writes none there.

    every   seconds between two lines of a log file

    Raises InvalidArgumentError for an `every` that is no number above 0.
    """

    def __init__(self, every: float = 30.0) -> None:
        self.every = positive("ProgressBar", "every", every)
        self._bar: Any = None  # tqdm's
        self._lines: _Lines | None = None
        self._done = 0

    def on_epoch_start(self, learner: Learner, event: Event) -> None:
        if self._bar is not None or self._lines is not None:
            return
        name, self._done = type(learner).__name__, event.total
        total = event.epochs * event.steps
        notebook = in_notebook()
        if not notebook and not sys.stderr.isatty():
            self._lines = _Lines(name, self._done, total, self.every)
            return
        bar = notebook_bar() if notebook else text_bar()
        file = sys.stdout if notebook else sys.stderr
        self._bar = bar(
            total=total,
            initial=self._done,
            unit="step",
            desc=name,
            file=file,
            dynamic_ncols=True,
        )

    def on_step_end(self, learner: Learner, event: Event) -> None:
        if self._bar is not None:
            self._bar.update(event.total - self._done)
        elif self._lines is not None:
            self._lines.show(event)
        self._done = event.total

    def on_epoch_end(self, learner: Learner, event: Event) -> None:
        shown = {name: f"{value:.4g}" for name, value in event.metrics.items()}
        if self._bar is not None:
            self._bar.set_postfix(shown)
        elif self._lines is not None:
            self._lines.last = shown

    def on_train_end(self, learner: Learner, event: Event) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self._lines is not None:
            self._lines.close(event)
        self._bar = self._lines = None


class _Lines:
    """The lines of a log file."""

    def __init__(self, name: str, done: int, total: int, every: float) -> None:
        self.name, self.first, self.total, self.every = name, done, total, every
        self.start = self.shown = time.monotonic()
        self.last: dict[str, str] = {}
        self.written = done

    def show(self, event: Event) -> None:
        now = time.monotonic()
        if now - self.shown >= self.every:
            self.shown = now
            self.write(event)

    def write(self, event: Event) -> None:
        passed = time.monotonic() - self.start
        steps = event.total - self.first
        left = (self.total - event.total) * passed / max(steps, 1)
        numbers = self.last or {n: f"{float(v):.4g}" for n, v in event.metrics.items()}
        told = "".join(f", {name} {value}" for name, value in numbers.items())
        share = 100 * event.total // max(self.total, 1)
        times = f"{_interval(passed)}<{_interval(left)}"
        print(
            f"{self.name}: {event.total} of {self.total} steps ({share} %), "
            f"{times}{told}",
            file=sys.stderr,
            flush=True,
        )
        self.written = event.total

    def close(self, event: Event) -> None:
        """A last line where there was one before."""
        if self.first < self.written < event.total:
            self.write(event)


def _interval(seconds: float) -> str:
    """As tqdm writes it."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def in_notebook() -> bool:
    """Whether a notebook's kernel runs this: what is printed goes to its page."""
    shell = sys.modules.get("IPython")
    running = None if shell is None else shell.get_ipython()
    return running is not None and "IPKernelApp" in running.config


def text_bar() -> Any:
    from tqdm import tqdm  # slow to import, and not needed where nothing is shown

    return tqdm


def notebook_bar() -> Any:
    """The bar that a notebook can show: widgets, or text where there are none."""
    if find_spec("ipywidgets") is None:
        return text_bar()
    from tqdm.notebook import tqdm as with_widgets

    return with_widgets
