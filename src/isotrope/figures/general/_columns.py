"""A row for each series and a column for each measure of it: what the figures of this form share.

Each measure has a panel with a marker for the mean of every series, its 95 % interval, the
published value beside it, and the numbers in words above the markers where there is room for them,
with half of the same interval.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isotrope.results.statistics import FEWEST, half_intervals
from isotrope.results.style import (
    DOUBLE,
    GREY,
    SMALL,
    Style,
    add_foot,
    new_figure,
    rows_of_names,
    wrapped,
)

ROW, CLOSE_ROW, LINE = 0.31, 0.165, 0.125  # inches: with and without numbers, and of a name
AROUND, ENDS = 0.3, 0.5  # inches, of the title of a group, and of what is above and below all
TITLE, BELOW = 17, 4  # points from a group's panels up to its title: above those of columns, or not
PAGE = 8.6  # inches, of all panels together
OFFSET = 0.16  # of a row, from its middle down to the markers and up to the numbers
PUBLISHED: dict[str, Any] = {
    "linestyle": "",
    "markerfacecolor": "white",
    "markeredgewidth": 0.8,
    "zorder": 5,
}


@dataclass(frozen=True)
class Column:
    """A measure.

    Args:
        metric: its name in the column ``metric`` of the frames.
        title: what stands above its panels.
        unit: below them.
        form: how its numbers are written.
        low: the least end of the axis; below the values where it is None.
        high: the greatest end of the axis; above the values where it is None.
        best: a value that nothing can pass, at which a line is drawn.
    """

    metric: str
    title: str
    unit: str = ""
    form: str = ".1f"
    low: float | None = None
    high: float | None = None
    best: float | None = None


@dataclass(frozen=True, eq=False)
class Group:
    """The rows of one data set.

    Args:
        title: what stands above them.
        names: of the series, from the top.
        ours: columns name, metric, mean, low, high, spread and n.
        theirs: columns name, metric, mean, spread and n; maybe without rows.
        labels: what stands for the names, where it is not they.
    """

    title: str
    names: Sequence[str]
    ours: pandas.DataFrame
    theirs: pandas.DataFrame = field(
        default_factory=lambda: pandas.DataFrame(columns=["name", "metric", "mean", "spread", "n"])
    )
    labels: Sequence[str] = ()


def draw_columns(
    groups: Sequence[Group],
    columns: Sequence[Column],
    style: Mapping[str, Style],
    sentences: Sequence[str],
    solid: str = "mean over seeds ± half its 95 % interval",
    letters: int = 18,
) -> Figure:
    """The figure.

    Args:
        groups: the data sets, from the top.
        columns: the measures, from the left; one without any value is left out.
        style: of each series.
        sentences: how the figure was made.
        solid: what the solid markers are.
        letters: of a label, in one line.
    """
    values = pandas.concat([frame for group in groups for frame in (group.ours, group.theirs)])
    known = set(values.dropna(subset=["mean"])["metric"])
    shown = [column for column in columns if column.metric in known]
    labels = [wrapped(group.labels or group.names, letters) for group in groups]
    rows, lines = sum(len(group.names) for group in groups), max(count for _, count in labels)
    row = max(ROW, lines * LINE)
    with_numbers = rows * row + AROUND * len(groups) + ENDS <= PAGE
    row = row if with_numbers else max(CLOSE_ROW, lines * LINE)
    heights = [len(group.names) * row + 0.15 for group in groups]
    figure = new_figure(DOUBLE, sum(heights) + AROUND * len(groups) + ENDS)
    grid = figure.subplots(
        *(len(groups), len(shown)), squeeze=False, sharex="col", height_ratios=heights
    )
    for (group, (names, _)), across in zip(zip(groups, labels, strict=True), grid, strict=True):
        for index, (column, axes) in enumerate(zip(shown, across, strict=True)):
            rows_of_names(axes, names, {"axis": "both", "color": "0.92"})
            if index:
                axes.tick_params(labelleft=False)
            _draw_panel(axes, group, column, style, with_numbers)
        if group.title:
            above = TITLE if group is groups[0] else BELOW
            kind: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points"}
            across[0].annotate(" ", (0, 1), (0, above), **kind)  # room, whatever the title's width
            title = across[0].annotate(group.title, (0, 1), (0, above), **kind, weight="bold")
            title.set_in_layout(False)
    for column, axes, last in zip(shown, grid[0], grid[-1], strict=True):
        axes.set_title(column.title)
        last.set_xlabel(column.unit)
        of_column = values[values["metric"].eq(column.metric)].dropna(subset=["mean"])
        axes.set_xlim(*_ends(column, *_least_and_most(of_column)))
    add_foot(figure, _legend(solid, any(len(group.theirs) for group in groups)), sentences)
    return figure


def _draw_panel(
    axes: Axes, group: Group, column: Column, style: Mapping[str, Style], with_numbers: bool
) -> None:
    """One measure of the series of a group."""
    if column.best is not None:
        axes.axvline(column.best, color=GREY, linewidth=0.6, zorder=1)
    for row, name in enumerate(group.names):
        its = style[name]
        said = []
        down = row + (OFFSET if with_numbers else 0)
        for frame, hollow in ((group.theirs, True), (group.ours, False)):
            chosen = frame[frame["name"].eq(name) & frame["metric"].eq(column.metric)]
            for at in chosen.dropna(subset=["mean"]).to_dict("records"):
                kind: dict[str, Any] = {"color": its.colour, "marker": its.marker}
                kind |= {"markersize": 4.2, **PUBLISHED} if hollow else {"zorder": 4}
                if not hollow and at["n"] >= FEWEST:
                    axes.plot([at["low"], at["high"]], [down] * 2, color=its.colour, linewidth=0.9)
                axes.plot(at["mean"], down, clip_on=False, **kind)
                said.append(_word(at, column, hollow))
        if with_numbers:
            where = axes.get_yaxis_transform()
            text: dict[str, Any] = {
                "transform": where,
                "size": SMALL - 0.5,
                "va": "center_baseline",
            }
            axes.text(0.02, row - 1.4 * OFFSET, "  ".join(reversed(said)), **text)


def _word(at: Mapping[Any, Any], column: Column, hollow: bool) -> str:
    """A mean with half its 95 % interval, from some seeds on; published ones in brackets."""
    seeds = at.get("n", math.nan)
    (half,) = half_intervals([at["spread"]], [seeds]) if seeds >= FEWEST else (math.nan,)
    word = words(at["mean"], half, column.form)
    return f"[{word}]" if hollow else word


def words(mean: float, spread: float | None, form: str) -> str:
    """A mean with what it varies by, where that is known and not 0.

    A percentage is written as 100 where it is that, and with more digits where it is nearly that.
    """
    if not spread or math.isnan(float(spread)):
        if mean == 100:
            return "100"
        nearly = mean < 100 and float(f"{mean:{form}}".replace(",", "")) == 100
        return f"{mean:.3f}" if nearly else f"{mean:z{form}}"
    return f"{mean:z{form}} ± {spread:{form}}"  # z: a difference of -0.04 is 0.0


def _least_and_most(values: pandas.DataFrame) -> tuple[float, float]:
    """Of means, and of the ends of the intervals that are drawn."""
    ends = [values["mean"]]
    if {"low", "high"} <= set(values.columns):
        drawn = values["n"].ge(FEWEST)
        ends += [values.loc[drawn, "low"], values.loc[drawn, "high"]]
    every = pandas.concat(ends).dropna()
    return float(every.min()), float(every.max())


def _ends(column: Column, least: float, most: float) -> tuple[float, float]:
    """The ends of a measure's axis."""
    room = max(0.12 * (most - least), 0.02 * abs(most), 1e-9)
    low = column.low if column.low is not None else least - room
    high = column.high if column.high is not None else most + room
    return low, high


def _legend(solid: str, published: bool) -> list[Artist]:
    """What the markers mean; the series are named beside their rows."""
    plain: dict[str, Any] = {"color": GREY, "marker": "o", "linestyle": ""}
    handles: list[Artist] = [Line2D([], [], **plain, label=solid)]
    if published:
        hollow = {**plain, "markersize": 4.2, **PUBLISHED}
        handles.append(Line2D([], [], **hollow, label="[published]"))
    return handles
