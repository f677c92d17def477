"""New figures and axes, and where matplotlib is needed and missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurenix.errors import InvalidArgumentError, MissingPackageError
from neurenix.installing import how_to_install

from ..wording import in_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure, SubFigure


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches.

    Raises MissingPackageError without matplotlib.
    """
    need_matplotlib()
    from .picture import DPI, Picture

    figure = Picture(figsize=(width, height), dpi=DPI)
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    return figure


def need_matplotlib() -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(
            f"pictures need the package matplotlib ({error}); "
            + how_to_install("neurenix-meta", "plot")
        ) from error


def axes_of(given: Axes | None, width: float = 4.8, height: float = 3.6) -> Axes:
    """The axes to draw on: those that are given, else a new figure's."""
    if given is None:
        return new_figure(width, height).subplots()
    need_matplotlib()
    from matplotlib.axes import Axes

    if not isinstance(given, Axes):
        raise InvalidArgumentError(
            f"ax is {in_words(given)}; expected a matplotlib Axes, as "
            "matplotlib.figure.Figure().subplots() gives one"
        )
    return given


def figure_of(ax: Axes) -> Figure:
    """The figure, as a whole, that axes are part of."""
    found: Figure | SubFigure | None = ax.figure
    assert found is not None
    return found.figure


def ink() -> str:
    """The colour of text on the style in use: dark on white, light on dark."""
    import matplotlib

    return str(matplotlib.rcParams["text.color"])


def without_frame(ax: Axes) -> None:
    """Only the axes that have ticks, and a faint grid."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)


def show_as_shares(axis: Axis) -> None:
    """The axis in percent."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.4g} %"))


def whole_numbers(ax: Axes) -> None:
    """Ticks of the horizontal axis at whole numbers alone."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
