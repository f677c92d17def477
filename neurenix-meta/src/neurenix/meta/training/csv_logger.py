"""CSVLogger: a run's history as a CSV file, while it grows."""

from __future__ import annotations

import csv
import io
import os

from neurenix.errors import FileFormatError
from neurenix.io import as_path, write_atomically

from .events import Callback, Event, Learner


class CSVLogger(Callback):
    """Writes a row after each epoch: "epoch" (from 1), "step" (meta-steps in all), and
    the numbers of the epoch's row in the history.

    path   of the file. A run that goes on from a checkpoint goes on with it: rows of
           epochs that are done again are replaced. A new run replaces the file

    The file is written as a whole and renamed after each epoch: a reader sees no half
    row. Numbers have all their digits (`float(text)` gives the same bits). Raises
    StorageError for a path that cannot be written, FileFormatError where a run goes on
    and the file is none of these.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from neurenix.meta import MAML, MLP, generate_regression_tasks
    >>> path = os.path.join(tempfile.mkdtemp(), "history.csv")
    >>> history = MAML(MLP([1, 8, 1])).meta_learn(
    ...     generate_regression_tasks(8, 5, seed=0), epochs=2,
    ...     callbacks=[CSVLogger(path)], progress=False,
    ... )
    >>> [row.split(",")[:2] for row in Path(path).read_text().split()]
    [['epoch', 'step'], ['1', '2'], ['2', '4']]
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = as_path("CSVLogger", path)
        self._rows: list[dict[str, str]] | None = None

    def on_epoch_start(self, learner: Learner, event: Event) -> None:
        if self._rows is None:
            goes_on = event.epoch > 1 and self.path.exists()
            self._rows = self._before(event.epoch) if goes_on else []

    def on_epoch_end(self, learner: Learner, event: Event) -> None:
        if not event.epoch_is_done:
            return
        row = {"epoch": str(event.epoch), "step": str(event.total)}
        row.update((name, repr(float(x))) for name, x in event.metrics.items())
        assert self._rows is not None
        self._rows.append(row)
        columns = list(dict.fromkeys(name for row in self._rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._rows)
        write_atomically(self.path, text.getvalue().encode())

    def on_train_end(self, learner: Learner, event: Event) -> None:
        self._rows = None

    def _before(self, epoch: int) -> list[dict[str, str]]:
        """The rows of the epochs before this one."""
        with self.path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        if any(not (row.get("epoch") or "").isdigit() for row in rows):
            raise FileFormatError(
                f"{self.path} is no history that CSVLogger wrote: its rows have no "
                "epoch; delete it, or name another file"
            )
        return [row for row in rows if int(row["epoch"]) < epoch]
