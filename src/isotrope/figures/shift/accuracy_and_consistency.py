"""Test accuracy against shift consistency: a point for each series, and the published ones.

For each data set and setting of it there is a panel for circular shifts and one for shifts off the
canvas.
"""

from typing import Any

import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isotrope.figures.general._lines import CROWD, PAGE
from isotrope.figures.general._shifts import KINDS, of_protocols, said
from isotrope.results.published import published_beside
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
from isotrope.results.style import GREY, Style, add_foot, look, panels, styles_of

TITLE = "Accuracy against shift consistency"
TABLES = ("runs", "accuracy", "shift_consistency")
COLUMNS = {
    "runs": {"training.epochs": "number"},
    "accuracy": {},
    "shift_consistency": {"protocol": "text", "padding": "text"},
}
CAPTION = (
    "Test accuracy against the share of pairs of shifted copies of an image that are answered "
    "alike; to the right and up is better. Solid: mean over seeds with its 95 % intervals "
    "(Student's t). Hollow: published. Around the border: what leaves at one edge enters at the "
    "other. Off the canvas: it is lost, and a plain colour enters."
)

SIDES = ("consistency", "accuracy")  # along the x axis and the y axis
HOLLOW: dict[str, Any] = {"markerfacecolor": "white", "markeredgewidth": 0.8, "markersize": 5}


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, ``accuracy`` and ``shift_consistency``.

    Returns:
        The figure, and what it shows: a row per panel, series, kind of shift, metric (``accuracy``
        or ``consistency``) and origin, in percent.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    cells = tables.cells
    overall = measured(tables, "accuracy", "accuracy")
    overall = overall.assign(metric="accuracy", value=100 * overall["value"])
    pairs, protocols = of_protocols(measured(tables, "shift_consistency", "consistency"))
    pairs = pairs[pairs["padding"].isin(KINDS)].assign(metric="consistency")
    found = [kind for kind in KINDS if pairs["padding"].eq(kind).any()]
    rows = pandas.concat([*(overall.assign(padding=kind) for kind in found), pairs])
    means = means_of(rows, tables, ["padding", "metric"])
    beside = _published(tables, means, protocols, found)
    style = styles_of(tables)
    style = {name: style[name] for name in cells.names(rows)}
    titles = {
        (panel, kind): (cells.title(panel), KINDS[kind])
        for panel in cells.panels(rows)
        for kind in found
    }
    labels = "Consistency (%)", "Test accuracy (%)"
    wide = len(style) > CROWD
    height = min(2.5 if wide else 2.1, PAGE / len(cells.panels(rows)))
    figure, grid = panels(list(titles.values()), height, labels, wide)
    for (panel, kind), title in titles.items():
        axes = grid[title]
        axes.set_title(", ".join(word for word in title if word))
        axes.grid(color="0.93", linewidth=0.5)
        for name, its in style.items():
            for frame, hollow in ((beside, True), (means, False)):
                line = cells.series_in(frame, panel, name)
                _draw_point(axes, line[line["padding"].eq(kind)], its, hollow)
    shown = pandas.concat([means, beside])
    _fit(next(iter(grid.values())), shown)
    sentences = [
        f"Bars: 95 % intervals of the means, from {FEWEST} seeds on. {said(protocols)}",
        *origin(rows, beside, tables),
        *lost_seeds(rows, tables),
    ]
    add_foot(figure, _legend(means, style, not beside.empty), sentences)
    return figure, measured_and_published(means, beside)


def _published(
    tables: Tables, means: pandas.DataFrame, protocols: list[str], kinds: list[str]
) -> pandas.DataFrame:
    """Published points of which both sides are known."""
    settings = ["protocol", "padding"]
    pairs = published_beside(means, tables, "shift_consistency", "consistency", settings)
    pairs = pairs[pairs["protocol"].isin(protocols) & pairs["padding"].isin(kinds)]
    pairs = pairs.drop(columns="protocol").assign(metric="consistency")
    overall = published_beside(means, tables, "accuracy").assign(metric="accuracy")
    overall = overall.assign(mean=100 * overall["mean"], spread=100 * overall["spread"])
    key = [*tables.panel, "name", "model", "source"]
    known = pairs[[*key, "padding"]].merge(overall, on=key)
    both = [pairs.merge(overall[key], on=key), known]
    return pandas.concat([frame for frame in both if len(frame)] or both[:1], ignore_index=True)


def _draw_point(axes: Axes, line: pandas.DataFrame, its: Style, hollow: bool) -> None:
    """A series in a panel, once for each source where it is published."""
    for _, rows in line.groupby("source") if hollow else (("", line),):
        at = {str(row["metric"]): row for row in rows.to_dict("records")}
        if set(SIDES) - set(at):
            continue
        x, y = (at[side] for side in SIDES)
        kind: dict[str, Any] = {"color": its.colour, "marker": its.marker, "clip_on": False}
        axes.plot(x["mean"], y["mean"], zorder=4, **kind, **(HOLLOW if hollow else {}))
        if not hollow and min(x["n"], y["n"]) >= FEWEST:
            bar: dict[str, Any] = {"color": its.colour, "linewidth": 0.8}
            axes.plot([x["low"], min(x["high"], 100)], [y["mean"]] * 2, **bar)
            axes.plot([x["mean"]] * 2, [y["low"], min(y["high"], 100)], **bar)


def _fit(axes: Axes, shown: pandas.DataFrame) -> None:
    """Axes that hold all points, and 100 % of consistency."""
    x, y = (shown.loc[shown["metric"].eq(side), "mean"] for side in SIDES)
    axes.set_xlim(x.min() - 0.08 * (100 - x.min()) - 0.5, 100)
    room = 0.1 * (y.max() - y.min()) + 1
    axes.set_ylim(max(y.min() - room, 0), min(y.max() + room, 100))


def _legend(means: pandas.DataFrame, style: dict[str, Style], published: bool) -> list[Artist]:
    """The series, and what is hollow."""
    handles: list[Artist] = []
    for name, its in style.items():
        count = seeds(list(means.loc[means["name"].eq(name), "n"]))
        kind: dict[str, Any] = {"color": its.colour, "marker": its.marker, "linestyle": ""}
        handles.append(Line2D([], [], **kind, label=f"{name} ({count})"))
    if published:
        hollow: dict[str, Any] = {"color": GREY, "marker": "o", "linestyle": "", **HOLLOW}
        handles.append(Line2D([], [], **hollow, label="published"))
    return handles
