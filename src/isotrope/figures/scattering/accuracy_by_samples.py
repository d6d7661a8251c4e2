"""Test accuracy against the number of training images, beside the published numbers.

A panel for each data set and kind of network: with a linear head, or convolutional. Published
numbers of networks that were not run here are grey; so are those of other methods. Series of one
number of images are drawn side by side, each before its published number, for none to hide another.
"""

import math
from collections.abc import Mapping
from typing import Any

import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isotrope.figures.general._lines import (
    ACCURACY,
    PUBLISHED,
    Lines,
    bounds,
    draw_line,
    draw_published,
    lines_of,
)
from isotrope.figures.scattering._arms import names_of_forms
from isotrope.results.published import published_rows
from isotrope.results.series import Tables, lost_seeds, measured_and_published, origin
from isotrope.results.statistics import FEWEST
from isotrope.results.style import CHANCE, add_foot, blank, logarithmic, look, panels
from isotrope.studies.scattering.cells import LINEAR, REFERENCES, WHOLE

TITLE = "Accuracy against the number of training images"
TABLES = ("runs", "accuracy")
COLUMNS = {"runs": {"training.epochs": "number"}, "accuracy": {}}
CAPTION = (
    "Test accuracy against the number of images that a network is trained on, which are others "
    "for every seed. Solid: mean over seeds, with its 95 % interval (Student's t) as a band or "
    "bar. Hollow: published, in grey of networks and methods that were not run here. What belongs "
    "to one number of images lies side by side. Dotted: chance level. Below the panels: number of "
    "epochs, diverged and collapsed seeds."
)

KINDS = {True: "linear head", False: "convolutional network"}
UNKNOWN = "no run here says on how many images it is trained (dataset.samples)"
ELSEWHERE: dict[str, Any] = {"color": "0.6", "markersize": 4.2, **PUBLISHED}
ASIDE = 1.8  # what belongs to one number of images fills up to this factor of the axis
MARKERS = "DPXv<"  # of other methods


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``accuracy``.

    Returns:
        The figure, and what it shows: a row per data set, series and number of images (``count``),
        accuracies as fractions.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    lines = lines_of(tables, "accuracy", [])
    means = _counted(lines.means)
    if means.empty:
        return blank(UNKNOWN), measured_and_published(means, _counted(lines.beside).iloc[:0])
    beside, others = _published(tables, lines, means)
    shown = [
        (place, kind)
        for place in dict.fromkeys(panel[0] for panel in lines.panels)
        for linear, kind in KINDS.items()
        if (means["place"].eq(place) & means["kind"].eq(kind)).any()
    ]
    figure, grid = panels(shown, 2.6, ("Training images", ACCURACY), wide=True, most=1)
    others = others[others["kind"].isin([kind for _, kind in shown] + [""])]
    every = pandas.concat([means, beside, others])
    high = min(103.0, 10.0 * math.ceil(10 * every["mean"].max() + 0.2))
    low = bounds(lines)[0]
    levels = {panel[0]: level for panel, level in lines.guessing().items()}
    for (place, kind), axes in grid.items():
        axes.set_title(f"{place}, {kind}")
        axes.set_ylim(low, high)
        level = levels[place]
        if level is not None and level > low:
            axes.axhline(level, **CHANCE, zorder=1)
        ours, theirs, elsewhere = (
            frame[frame["place"].eq(place) & frame["kind"].isin([kind, ""])]
            for frame in (means, beside, others)
        )
        _draw_panel(axes, lines, ours, theirs)
        _draw_others(axes, elsewhere)
    counts = every["count"]
    first = next(iter(grid.values()))
    logarithmic(first, (1, 2, 5) if counts.max() < 50 * counts.min() else (1,), counts)
    first.set_xlim(counts.min() / 1.5, counts.max() * 1.5)
    chance = any(level is not None and level > low for level in levels.values())
    sources = pandas.concat([beside, others])
    sentences = [
        f"Intervals: from {FEWEST} seeds on.",
        *origin(lines.rows, sources, tables),
        *lost_seeds(lines.rows, tables),
    ]
    add_foot(figure, _legend(lines, means, beside, others, chance), sentences)
    return figure, measured_and_published(means, sources)


def _counted(frame: pandas.DataFrame) -> pandas.DataFrame:
    """The rows whose number of training images is known, with that number and their kind."""
    count = pandas.to_numeric(frame["samples"], errors="coerce")
    whole = frame["place"].map(WHOLE).where(frame["samples"].eq(""))
    kind = frame["model"].isin(LINEAR).map(KINDS).where(~frame["model"].isin(REFERENCES), "")
    return frame.assign(count=count.fillna(whole), kind=kind).dropna(subset=["count"])


def _published(
    tables: Tables, lines: Lines, means: pandas.DataFrame
) -> tuple[pandas.DataFrame, pandas.DataFrame]:
    """What is published of the series that are drawn, and of other networks on the same data.

    A published network takes the name of the series of its form, whatever its number of images and
    of epochs, which go together.
    """
    variant = [one for one in tables.cells.variant if one != "variant.epochs"]
    rows = published_rows(tables.published, tables.cells, "accuracy", ["accuracy"])
    rows = _counted(rows[rows["place"].isin(means["place"])]).rename(columns={"value": "mean"})
    key = ["place", "model", *variant]
    names = names_of_forms(lines.rows, rows, key, tables)
    rows = rows.merge(names, on=key, how="left")
    rows = rows.assign(origin="published")
    kept = [*tables.panel, "name", "model", "kind", "count", "mean", "spread", "n", "source"]
    rows = rows.sort_values(["place", "model", *variant, "count"])[[*kept, "origin"]]
    ours = rows["name"].notna()
    others = rows[~ours].assign(name=rows["model"].map(REFERENCES).fillna("other network"))
    return rows[ours], others


def _draw_panel(axes: Axes, lines: Lines, ours: pandas.DataFrame, theirs: pandas.DataFrame) -> None:
    shown = [name for name in lines.style if ours["name"].eq(name).any()]
    step = ASIDE ** (0.5 / max(1, len(shown)))  # two places for each series
    for place, name in enumerate(shown):
        its, aside = lines.style[name], step ** (2 * place - len(shown) + 0.5)
        line = ours[ours["name"].eq(name)].sort_values("count")
        x = line["count"] * aside
        if len(line) == 1 and line["n"].iloc[0] >= FEWEST:
            ends = (100 * line[["low", "high"]].iloc[0]).clip(0, 100)
            axes.plot([x.iloc[0]] * 2, ends, color=its.colour, linewidth=0.9)
        draw_line(axes, x, line, its, lines.crowded)
        beside = theirs[theirs["name"].eq(name)].sort_values("count")
        draw_published(axes, beside["count"] * aside * step, beside, its)


def _draw_others(axes: Axes, others: pandas.DataFrame) -> None:
    for name, rows in others.groupby("name", sort=False):
        axes.plot(rows["count"], 100 * rows["mean"], marker=_marker(str(name)), **ELSEWHERE)


def _marker(name: str) -> str:
    methods = list(REFERENCES.values())
    return MARKERS[methods.index(name)] if name in methods else "o"


def _legend(
    lines: Lines,
    means: pandas.DataFrame,
    beside: pandas.DataFrame,
    others: pandas.DataFrame,
    chance: bool,
) -> list[Artist]:
    """The series, and what is published."""
    named: Mapping[str, bool] = dict.fromkeys(means["name"], True)
    handles = [
        handle
        for name, handle in zip(lines.style, lines.handles(chance=False), strict=False)
        if name in named
    ]
    plain: dict[str, Any] = {"color": "0.3", "marker": "o", "markersize": 4.2, **PUBLISHED}
    if len(beside):
        handles.append(Line2D([], [], **plain, label="published, of the series in its colour"))
    for name in dict.fromkeys(others["name"]):
        label = "published, not run here" if name == "other network" else f"published: {name}"
        handles.append(Line2D([], [], marker=_marker(name), **ELSEWHERE, label=label))
    if chance:
        handles.append(Line2D([], [], **CHANCE, label="chance level"))
    return handles
