"""Test error against the number of parameters, both on logarithmic axes.

One panel per data set and setting of it, one point for each series: the mean over seeds with its
95 % interval.
"""

import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from isotrope.figures.general._lines import CROWD
from isotrope.results.series import (
    Tables,
    lost_seeds,
    means_of,
    measured,
    measured_and_published,
    origin,
    seeds,
)
from isotrope.results.statistics import FEWEST
from isotrope.results.style import Style, add_foot, look, panels, styles_of

TITLE = "Test error against the number of parameters"
TABLES = ("runs", "accuracy")
COLUMNS = {"runs": {"training.epochs": "number"}, "accuracy": {}}
CAPTION = (
    "Test error against the number of parameters that a network learns; mean over seeds with its "
    "95 % interval (Student's t). Series whose table does not say the number are left out. Below "
    "the panels: number of epochs, diverged and collapsed seeds."
)

LEAST = 0.01  # percent: smaller errors are drawn there, for the axis is logarithmic
PARAMETERS = "parameters"  # column of runs.csv


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``accuracy``.

    Returns:
        The figure, and what it shows: a row per panel and series with ``parameters``, and the
        error as a fraction.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows, cells = measured(tables, "accuracy", "accuracy"), tables.cells
    known = rows.reindex(columns=[*rows.columns.drop(PARAMETERS, errors="ignore"), PARAMETERS])
    if PARAMETERS in rows:
        known[PARAMETERS] = pandas.to_numeric(rows[PARAMETERS], errors="coerce")
    rows, unknown = known.dropna(subset=[PARAMETERS]), known[known[PARAMETERS].isna()]
    shown = rows if len(rows) else known
    means = means_of(
        shown.assign(value=1 - shown["value"]), tables, [PARAMETERS] if len(rows) else []
    )
    means = means.assign(**({} if len(rows) else {PARAMETERS: float("nan")}))
    style = styles_of(tables)
    style = {name: style[name] for name in cells.names(shown)}
    height = 2.6 if len(style) > CROWD else 2.0
    labels = "Parameters", "Test error (%)"
    figure, grid = panels(cells.panels(shown), height, labels)
    for panel, axes in grid.items():
        axes.set_title(cells.title(panel))
        for name, its in style.items():
            _draw_series(axes, cells.series_in(means, panel, name), its)
    _fit(next(iter(grid.values())), means)
    handles: list[Artist] = [
        Line2D(
            [],
            [],
            color=its.colour,
            marker=its.marker,
            linestyle="",
            label=f"{name} ({seeds(list(means.loc[means['name'].eq(name), 'n']))})",
        )
        for name, its in style.items()
    ]
    lacking = ", ".join(dict.fromkeys(unknown["name"]))
    sentences = [
        f"Points: mean over seeds; bars: its 95 % interval, from {FEWEST} seeds on.",
        *([f"Number of parameters unknown: {lacking}."] if lacking else []),
        *origin(shown, means.iloc[:0], tables),
        *lost_seeds(shown, tables),
    ]
    add_foot(figure, handles, sentences)
    return figure, measured_and_published(means, means.iloc[:0])


def _draw_series(axes: Axes, line: pandas.DataFrame, its: Style) -> None:
    """A point and its bar for a series in a panel, maybe several."""
    for at in line.to_dict("records"):
        x = at[PARAMETERS]
        if at["n"] >= FEWEST:
            ends = [max(100 * at["low"], LEAST), min(100 * at["high"], 100)]
            axes.plot([x, x], ends, color=its.colour, linewidth=0.9, solid_capstyle="butt")
        mean = max(100 * at["mean"], LEAST)
        axes.plot(x, mean, color=its.colour, marker=its.marker, markersize=5, zorder=4)


def _fit(axes: Axes, means: pandas.DataFrame) -> None:
    """Logarithmic axes with plain numbers that hold all points."""
    errors = (100 * means["mean"]).clip(LEAST)
    found = means[PARAMETERS].dropna()
    axes.set(xscale="log", yscale="log")
    axes.set_ylim(errors.min() / 2, errors.max() * 2)
    low, high = (found.min() / 2, found.max() * 2) if len(found) else (1e3, 1e6)
    axes.set_xlim(low, high)
    wide = high / low > 1000
    for axis, subs in ((axes.xaxis, (1,) if wide else (1, 2, 5)), (axes.yaxis, (1, 2, 5))):
        axis.set_major_locator(LogLocator(subs=subs))
        axis.set_major_formatter(FuncFormatter(_number))
        axis.set_minor_formatter(NullFormatter())


def _number(value: float, place: int | None = None) -> str:
    """A number in few letters: 20 k, 1.5 M."""
    del place
    if value >= 1e6:
        return f"{value / 1e6:g} M"
    return f"{value / 1e3:g} k" if value >= 1e3 else f"{value:g}"
