"""History: what training reports, a row an epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ..drawing import curves
from ..drawing.tables import html_table, need_pandas

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

# A long run's table shows its first and last epochs.
_SHOWN = 6


class History(Mapping[str, list[float]]):
    """Reads like a dict of lists: `history["loss"]` has a number for each epoch.

    interrupted   whether training was stopped before its last epoch (Ctrl-C, or a
                  callback's `event.stop()`)
    intervals     by column of the validation: half the 95 % interval of each epoch's
                  number, over the tasks; NaN where it is not known

    >>> history = History()
    >>> history.append({"loss": 0.5})
    >>> history.append({"loss": 0.25})
    >>> history["loss"], len(history), history.epochs
    ([0.5, 0.25], 1, 2)
    >>> print(history)
    epoch  loss
        1  0.5
        2  0.25
    """

    def __init__(self) -> None:
        self._columns: dict[str, list[float]] = {}
        self.epochs: int = 0
        self.interrupted = False
        self.intervals: dict[str, list[float]] = {}

    @classmethod
    def of(
        cls,
        columns: Mapping[str, list[float]],
        epochs: int,
        intervals: Mapping[str, list[float]] | None = None,
    ) -> History:
        """The history of so many epochs with these columns and intervals."""
        history = cls()
        history._columns = {name: list(column) for name, column in columns.items()}
        history.intervals = {
            name: list(column) for name, column in (intervals or {}).items()
        }
        history.epochs = epochs
        return history

    def append(self, row: Mapping[str, float]) -> None:
        """One more epoch; a column that it lacks, or that is new, gets NaN."""
        for name in row:
            self._columns.setdefault(name, [float("nan")] * self.epochs)
        for name, column in self._columns.items():
            column.append(float(row.get(name, float("nan"))))
        for column in self.intervals.values():
            column.append(float("nan"))
        self.epochs += 1

    def extend_last(
        self, row: Mapping[str, float], intervals: Mapping[str, float] | None = None
    ) -> None:
        """More about the last epoch."""
        for columns, found in (
            (self._columns, row),
            (self.intervals, intervals or {}),
        ):
            for name, value in found.items():
                column = columns.setdefault(name, [float("nan")] * self.epochs)
                column[-1] = float(value)

    def __getitem__(self, name: str) -> list[float]:
        if name not in self._columns:
            have = ", ".join(map(repr, self._columns)) or "none yet"
            raise KeyError(f"no column {name!r} in the history; there are: {have}")
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def _table(self) -> list[list[str]]:
        """Head and rows; of a long run the first and last epochs."""
        table = [["epoch", *self._columns]]
        for epoch in range(self.epochs):
            if _SHOWN <= epoch < self.epochs - _SHOWN:
                if epoch == _SHOWN:
                    table.append(["…"] + [""] * len(self._columns))
                continue
            numbers = (column[epoch] for column in self._columns.values())
            table.append([str(epoch + 1), *(f"{n:.4g}" for n in numbers)])
        return table

    def plot(self, names: Sequence[str] | None = None) -> Figure:
        """Loss and metrics by epoch, a panel each, the validation's with their 95 %
        intervals; see `plot.learning_curves`, which draws several runs.

        names   columns to draw; None: all

        Raises InvalidArgumentError without an epoch and for a column that it lacks;
        MissingPackageError without matplotlib (the extra `plot`).

        >>> history = History.of({"loss": [0.9, 0.5, 0.4]}, 3)
        >>> len(history.plot().axes)
        1
        """
        return curves.learning({"": [self]}, names)

    def to_pandas(self) -> pandas.DataFrame:
        """A data frame: a row an epoch, numbered from 1; columns by name, and
        "…_interval" of those that have one.

        Raises MissingPackageError without pandas (the extra `pandas`).

        >>> History.of({"loss": [0.5, 0.25]}, 2).to_pandas()  # doctest: +SKIP
               loss
        epoch
        1      0.50
        2      0.25
        """
        pandas = need_pandas()
        half = {f"{name}_interval": x for name, x in self.intervals.items()}
        index = pandas.RangeIndex(1, self.epochs + 1, name="epoch")
        return pandas.DataFrame({**self._columns, **half}, index=index)

    def _repr_html_(self) -> str:
        head, *rows = self._table()
        told = "interrupted" if self.interrupted else ""
        return html_table(head, rows, told if self.epochs else "no epoch yet")

    def __str__(self) -> str:
        if not self.epochs:
            return "no epoch yet"
        table = self._table()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join([row[0].rjust(widths[0]), *map(str.ljust, row[1:], widths[1:])])
            for row in table
        ]
        if self.interrupted:
            lines.append("(interrupted)")
        return "\n".join(line.rstrip() for line in lines)

    def __repr__(self) -> str:
        columns = ", ".join(self._columns)
        return f"History({self.epochs} epochs of {columns or 'nothing'})"
