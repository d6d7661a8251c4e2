"""Accuracy against a setting of an evaluation: what the figures of this form share."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from isotrope.results.cells import Panel
from isotrope.results.published import published_beside
from isotrope.results.series import Tables, lost_seeds, means_of, measured, origin, seeds
from isotrope.results.statistics import FEWEST
from isotrope.results.style import CHANCE, GREY, Style, add_foot, panels, styles_of

CROWD = 6  # series; more are drawn finer
LOWEST = 40  # percent; where something lies below, the whole axis is shown
PAGE = 9.0  # inches, of all panels together
ACCURACY = "Test accuracy (%)"
PUBLISHED: dict[str, Any] = {
    "linestyle": "",
    "markerfacecolor": "white",
    "markeredgewidth": 0.8,
    "zorder": 5,
}


@dataclass(frozen=True, eq=False)
class Lines:
    """Everything that is drawn of an evaluation.

    Args:
        tables: the tables.
        rows: a row for each seed and setting.
        means: the means over seeds.
        beside: the published values.
        style: of each series, in the order of legends.
    """

    tables: Tables
    rows: pandas.DataFrame
    means: pandas.DataFrame
    beside: pandas.DataFrame
    style: Mapping[str, Style]

    @property
    def panels(self) -> list[Panel]:
        """The panels in their order."""
        return self.tables.cells.panels(self.rows)

    @property
    def crowded(self) -> bool:
        """Whether there are many series."""
        return len(self.style) > CROWD

    def of(self, panel: Panel, name: str) -> tuple[pandas.DataFrame, pandas.DataFrame]:
        """Means and published values of a series in a panel."""
        cells = self.tables.cells
        return cells.series_in(self.means, panel, name), cells.series_in(self.beside, panel, name)

    def guessing(self) -> dict[Panel, float | None]:
        """The accuracy of guessing in each panel, in percent, where it is known."""
        cells = self.tables.cells
        return {panel: cells.guessing(self.rows, panel) for panel in self.panels}

    def handles(self, chance: bool) -> list[Artist]:
        """A line of the legend for each series, then what else is to be seen."""
        handles: list[Artist] = []
        for name, its in self.style.items():
            count = seeds(list(self.means.loc[self.means["name"].eq(name), "n"]))
            kind = {"color": its.colour, "linestyle": its.line, "marker": its.marker}
            handles.append(Line2D([], [], **kind, label=f"{name} ({count})"))
        if len(self.beside):
            kind = {"color": GREY, "marker": "o", **PUBLISHED}
            handles.append(Line2D([], [], **kind, label="published"))
        if chance:
            handles.append(Line2D([], [], **CHANCE, label="chance level"))
        return handles

    def sentences(self) -> list[str]:
        """How the figure was made."""
        return [
            f"Lines: mean over seeds; bands: its 95 % interval, from {FEWEST} seeds on.",
            *origin(self.rows, self.beside, self.tables),
            *lost_seeds(self.rows, self.tables),
        ]


def lines_of(
    tables: Tables, table: str, settings: Sequence[str], metric: str = "accuracy"
) -> Lines:
    """The accuracies in a table, or another fraction, against some of its columns.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows = measured(tables, table, metric)
    style = styles_of(tables)
    style = {name: style[name] for name in tables.cells.names(rows)}
    means = means_of(rows, tables, settings)
    beside = published_beside(means, tables, table, metric, settings)
    return Lines(tables, rows, means, beside, style)


def draw_line(axes: Axes, x: ArrayLike, line: pandas.DataFrame, its: Style, crowded: bool) -> None:
    """A line of means with a marker for each and its band; accuracies in percent.

    Args:
        axes: where it is drawn.
        x: a number for each row of ``line``.
        line: the means, from the first to the last.
        its: how the series is drawn.
        crowded: whether there are many lines, which are then drawn finer.
    """
    width, size = (0.9, 2.6) if crowded else (1.2, 3.4)
    if line["n"].min() >= FEWEST:
        band = (100 * line["low"]).clip(0, 100), (100 * line["high"]).clip(0, 100)
        axes.fill_between(x, *band, color=its.colour, alpha=0.1 if crowded else 0.16, linewidth=0)
    axes.plot(
        x,
        100 * line["mean"],
        color=its.colour,
        marker=its.marker,
        linestyle=its.line,
        linewidth=width,
        markersize=size,
        markeredgewidth=0,
        zorder=4,
    )


def draw_published(axes: Axes, x: ArrayLike, line: pandas.DataFrame, its: Style) -> None:
    """Published values as hollow markers; accuracies in percent."""
    kind = {"color": its.colour, "marker": its.marker, "markersize": 4.2, **PUBLISHED}
    axes.plot(x, 100 * line["mean"], **kind)


def bounds(lines: Lines) -> tuple[float, float]:
    """The y axis in percent: all of it where something is low, else what holds all values."""
    least = 100 * lines.means["mean"].min()
    if len(lines.beside):
        least = min(least, 100 * lines.beside["mean"].min())
    if least < LOWEST:
        return -3.0, 103.0
    first = max(0, 5 * math.floor((least - 2) / 5))
    return float(first), 100 + 0.03 * (100 - first)


def draw_panels(
    lines: Lines,
    column: str,
    parts: Mapping[str, Callable[[pandas.DataFrame], pandas.DataFrame]],
    label: str,
    measure: str = ACCURACY,
) -> tuple[Figure, list[Axes]]:
    """Panels of lines: side by side the parts of one data set and its setting.

    Args:
        lines: what is drawn.
        column: the setting along the x axis.
        parts: for the title of each part, what takes its rows of means and published values.
        label: of the x axis.
        measure: of the y axis; the accuracy of guessing is drawn beside accuracies alone.

    Returns:
        The figure, and its panels.
    """
    cells, (low, high) = lines.tables.cells, bounds(lines)
    guessing = lines.guessing() if measure == ACCURACY else dict.fromkeys(lines.panels)
    shown = {
        (panel, part): take
        for panel in lines.panels
        for part, take in parts.items()
        if len(take(cells.rows_in(lines.means, [panel])))
    }
    titles = {key: (cells.title(key[0]), key[1]) for key in shown}
    down = len({panel for panel, _ in shown}) if len(parts) > 1 else 1 + len(shown) // 4
    height = min(2.6 if lines.crowded and down < 3 else 1.9, PAGE / down)
    found = list(titles.values())
    figure, grid = panels(found, height, (label, measure), lines.crowded)
    for (panel, part), take in shown.items():
        axes = grid[titles[panel, part]]
        axes.set_title(", ".join(word for word in titles[panel, part] if word))
        axes.set_ylim(low, high)
        level = guessing[panel]
        if level is not None and level > low:
            axes.axhline(level, **CHANCE, zorder=1)
        for name, its in lines.style.items():
            ours, theirs = (take(line).sort_values(column) for line in lines.of(panel, name))
            if len(ours):
                draw_line(axes, ours[column], ours, its, lines.crowded)
            draw_published(axes, theirs[column], theirs, its)
    chance = any(value is not None and value > low for value in guessing.values())
    add_foot(figure, lines.handles(chance), lines.sentences())
    return figure, list(grid.values())
