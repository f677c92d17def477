"""The figure that all functions give; this file alone imports matplotlib at once."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

DPI = 120


class Picture(Figure):
    """A matplotlib figure that notebooks show by itself. pyplot does not know of it, so
    that it needs no display and is freed with its last reference."""

    def _repr_png_(self) -> bytes:
        content = io.BytesIO()
        self.savefig(content, format="png", dpi=DPI)
        return content.getvalue()
