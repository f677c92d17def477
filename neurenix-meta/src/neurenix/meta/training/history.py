"""History: what training reports, a row an epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

# A long run's table shows its first and last epochs.
_SHOWN = 6


class History(Mapping[str, list[float]]):
    """Reads like a dict of lists: `history["loss"]` has a number for each epoch.

    interrupted   whether training was stopped before its last epoch (Ctrl-C, or a
                  callback's `event.stop()`)

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
        self.epochs = 0
        self.interrupted = False

    @classmethod
    def of(cls, columns: Mapping[str, list[float]], epochs: int) -> History:
        """The history of so many epochs with these columns."""
        history = cls()
        history._columns = {name: list(column) for name, column in columns.items()}
        history.epochs = epochs
        return history

    def append(self, row: Mapping[str, float]) -> None:
        """One more epoch; a column that it lacks, or that is new, gets NaN."""
        for name in row:
            self._columns.setdefault(name, [float("nan")] * self.epochs)
        for name, column in self._columns.items():
            column.append(float(row.get(name, float("nan"))))
        self.epochs += 1

    def extend_last(self, row: Mapping[str, float]) -> None:
        """More about the last epoch."""
        for name, value in row.items():
            column = self._columns.setdefault(name, [float("nan")] * self.epochs)
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

    def __str__(self) -> str:
        if not self.epochs:
            return "no epoch yet"
        table = [["epoch", *self._columns]]
        for epoch in range(self.epochs):
            if _SHOWN <= epoch < self.epochs - _SHOWN:
                if epoch == _SHOWN:
                    table.append(["…"] + [""] * len(self._columns))
                continue
            numbers = (column[epoch] for column in self._columns.values())
            table.append([str(epoch + 1), *(f"{n:.4g}" for n in numbers)])
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
