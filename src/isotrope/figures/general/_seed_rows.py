"""A row for each series with the accuracy of its seeds: what the figures of this form share."""

from collections.abc import Sequence
from typing import Any

import pandas
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from isotrope.results.cells import Panel
from isotrope.results.series import Tables
from isotrope.results.style import CHANCE, GREY, rows_of_names

LINE = 0.125  # inches, of a name
COLLAPSED: dict[str, Any] = {
    "linestyle": "",
    "marker": "x",
    "markersize": 3,
    "markeredgewidth": 0.7,
}


def draw_ground(
    axes: Axes,
    heading: str,
    names: Sequence[str],
    guessing: float | None,
    limits: tuple[float, float] = (0, 100),
) -> None:
    """A panel of accuracies in percent without its series.

    Args:
        axes: where it is drawn.
        heading: what stands above it.
        names: of its rows, from the top.
        guessing: the accuracy of guessing, if it is known.
        limits: of the x axis.
    """
    axes.set_title(heading)
    axes.set(xlim=limits, xticks=range(0, 101, 25))
    rows_of_names(axes, names, {"axis": "x", "color": "0.9"})
    if guessing is not None:
        axes.axvline(guessing, **CHANCE)


def guessing_of(rows: pandas.DataFrame, tables: Tables) -> dict[Panel, float | None]:
    """The accuracy of guessing in each panel of ``rows``, in percent, where it is known."""
    cells = tables.cells
    return {panel: cells.guessing(rows, panel) for panel in cells.panels(rows)}


def line(label: str, kind: dict[str, Any]) -> Line2D:
    """An entry of a legend, grey where nothing else is said."""
    return Line2D([], [], **{"color": GREY, **kind}, label=label)
