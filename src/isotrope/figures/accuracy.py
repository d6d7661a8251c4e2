"""Test accuracy: the seeds of each series, their mean and its 95 % interval, the published mean.

One panel per data set and scenario, one row per series. Up to four panels also print the numbers.
"""

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isotrope.figures._published import published_beside
from isotrope.figures._series import (
    CLASSES,
    Tables,
    in_order,
    lost_seeds,
    means_of,
    measured,
    named,
    of,
    origin,
    panel_title,
    places,
    together,
)
from isotrope.figures._statistics import FEWEST
from isotrope.figures._style import CHANCE, GREY, SMALL, Style, add_foot, look, panels, styles

TITLE = "Test accuracy"
TABLES = ("runs", "accuracy")
COLUMNS = {"runs": {"training.epochs": "number"}, "accuracy": {}}
CAPTION = (
    "Test accuracy of every series. Solid markers: mean over seeds with its 95 % interval "
    "(Student's t). Ticks: the seeds; crosses: seeds that stayed at chance level. Hollow: "
    "published mean with its standard deviation over seeds. Dotted: chance level. Below the "
    "panels: number of epochs, diverged and collapsed seeds, source of the published values."
)

ROW, CLOSE_ROW = 0.3, 0.165  # inches, with and without numbers
LINE = 0.125  # inches, of a name
LETTERS = 18  # of a name, in one line
OFFSET = 0.19  # of a row, from its middle up to the measured and down to the published value
SEED: dict[str, Any] = {"linestyle": "", "marker": "|", "markersize": 6, "markeredgewidth": 0.6}
COLLAPSED: dict[str, Any] = {
    "linestyle": "",
    "marker": "x",
    "markersize": 3,
    "markeredgewidth": 0.7,
}
PUBLISHED: dict[str, Any] = {"markerfacecolor": "white", "linewidth": 0.7, "markeredgewidth": 0.7}


@look
def draw(tables: Tables, published: pandas.DataFrame) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``accuracy``.
        published: published numbers in long form, maybe without rows.

    Returns:
        The figure, and what it shows: a row per place, series and origin (``measured`` or
        ``published``), accuracies as fractions.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows = measured(tables, "accuracy", "accuracy")
    style = styles(list(dict.fromkeys(named(tables["runs"])["name"])))
    means = means_of(rows, tables["runs"])
    beside = published_beside(means, published, "accuracy").drop(columns="scale")
    found = places(rows)
    shown = in_order(rows)
    numbers = len(found) <= 4
    names = ["\n".join(wrap(name, LETTERS)) for name in shown]
    lines = 1 + max(name.count("\n") for name in names)
    row_height = max(ROW if numbers else CLOSE_ROW, lines * LINE)
    around = 0.5 if len(names) > 2 else 0.65  # inches, of title and axis
    height = around + row_height * len(names)
    figure, grid = panels(found, height, ("Test accuracy (%)", ""), most=2)
    for at, axes in grid.items():
        _draw_ground(axes, at, names)
        for row, name in enumerate(shown):
            its = [of(frame, at, name) for frame in (rows, means, beside)]
            _draw_series(axes, row, style[name], *its)
            if numbers:
                _print_numbers(axes, row, *its[1:])
    sentences = [
        f"Bars: 95 % interval of the mean, from {FEWEST} seeds on; n: number of seeds.",
        *origin(rows, beside, published),
        *lost_seeds(rows, tables["runs"]),
    ]
    add_foot(figure, _legend(rows, beside, any(place in CLASSES for place, _ in found)), sentences)
    return figure, together(means, beside)


def _draw_ground(axes: Axes, at: tuple[str, str], names: Sequence[str]) -> None:
    """A panel without its series."""
    place, scenario = at
    axes.set_title(panel_title(place, scenario))
    axes.set(xlim=(0, 100), xticks=range(0, 101, 25), ylim=(len(names) - 0.4, -0.6))
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color="0.9", linewidth=0.5)
    axes.set_axisbelow(True)
    if place in CLASSES:
        axes.axvline(100 / CLASSES[place], **CHANCE)


def _draw_series(
    axes: Axes,
    row: int,
    its: Style,
    rows: pandas.DataFrame,
    means: pandas.DataFrame,
    beside: pandas.DataFrame,
) -> None:
    """The seeds of one series, their mean, and the published mean."""
    for collapsed, kind in ((False, SEED), (True, COLLAPSED)):
        values = 100 * rows.loc[rows["status"].eq("collapsed").eq(collapsed), "value"]
        axes.plot(values, [row - OFFSET] * len(values), color=its.colour, **kind)
    for at in means.to_dict("records"):
        if at["n"] >= FEWEST:
            bar = [100 * max(at["low"], 0), 100 * min(at["high"], 1)]
            axes.plot(bar, [row - OFFSET] * 2, color=its.colour, solid_capstyle="butt")
        axes.plot(
            100 * at["mean"], row - OFFSET, color=its.colour, marker=its.marker, clip_on=False
        )
    for at in beside.to_dict("records"):
        bar = [100 * max(at["mean"] - at["spread"], 0), 100 * min(at["mean"] + at["spread"], 1)]
        axes.plot(bar, [row + OFFSET] * 2, color=its.colour, linewidth=0.7)
        axes.plot(
            100 * at["mean"],
            row + OFFSET,
            color=its.colour,
            marker=its.marker,
            clip_on=False,
            **PUBLISHED,
        )


def _print_numbers(axes: Axes, row: int, means: pandas.DataFrame, beside: pandas.DataFrame) -> None:
    """The means of one series in words, right of the panel."""
    lines = []
    for at in means.to_dict("records"):
        low, high = 100 * max(at["low"], 0), 100 * min(at["high"], 1)
        interval = f" [{low:.1f}, {high:.1f}]" if at["n"] >= FEWEST else ""
        lines.append((row - OFFSET, "black", f"{100 * at['mean']:.1f}{interval}, n = {at['n']}"))
    for at in beside.to_dict("records"):
        text = f"{100 * at['mean']:.1f} ± {100 * at['spread']:.1f}, n = {at['n']:.0f}"
        lines.append((row + OFFSET, GREY, text))
    for height, colour, text in lines:
        axes.text(
            1.03,
            height,
            text,
            transform=axes.get_yaxis_transform(),
            size=SMALL,
            color=colour,
            va="center_baseline",
        )


def _legend(rows: pandas.DataFrame, beside: pandas.DataFrame, chance: bool) -> list[Artist]:
    """What the markers mean; the series are named beside their rows."""
    entries: list[tuple[str, dict[str, Any]]] = [
        ("mean over seeds, 95 % interval", {"marker": "o"}),
        ("one seed", SEED),
    ]
    if rows["status"].eq("collapsed").any():
        entries.append(("collapsed seed", COLLAPSED))
    if len(beside):
        entries.append(("published mean ± standard deviation", {"marker": "o", **PUBLISHED}))
    if chance:
        entries.append(("chance level", CHANCE))
    return [Line2D([], [], **{"color": GREY, **kind}, label=label) for label, kind in entries]
