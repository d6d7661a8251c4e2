"""Test accuracy: the seeds of each series, their mean and its 95 % interval, the published mean.

One panel per data set and setting of it, one row per series. Up to four panels also print the
numbers.
"""

import math
from typing import Any

import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from isotrope.figures.general._seed_rows import COLLAPSED, LINE, draw_ground, guessing_of, line
from isotrope.files.tables import Columns
from isotrope.results.cells import Cells
from isotrope.results.published import published_beside
from isotrope.results.series import (
    Tables,
    lost_seeds,
    means_of,
    measured,
    measured_and_published,
    origin,
)
from isotrope.results.statistics import FEWEST, half_intervals
from isotrope.results.style import (
    CHANCE,
    GREY,
    SMALL,
    Style,
    add_foot,
    look,
    panels,
    styles_of,
    wrapped,
)

TITLE = "Test accuracy"
TABLES = ("runs", "accuracy")
COLUMNS = {"runs": {"training.epochs": "number"}, "accuracy": {}}
LATEX = True
CAPTION = (
    "Test accuracy of every series. Solid markers: mean over seeds with its 95 % interval "
    "(Student's t). Ticks: the seeds; crosses: collapsed seeds. Hollow: published mean with the "
    "same interval, where its seeds are known. Dotted: chance level. Below the panels: number of "
    "epochs, diverged and collapsed seeds, source of the published values."
)

DATA: Columns = {  # what `latex` needs of the figure's data, beside the columns of panels
    "name": "text",
    "origin": "text",
    **dict.fromkeys(("mean", "low", "high", "n"), "number"),
}

ROW, CLOSE_ROW = 0.3, 0.165  # inches, with and without numbers
OFFSET = 0.19  # of a row, from its middle up to the measured and down to a published value
SEED: dict[str, Any] = {"linestyle": "", "marker": "|", "markersize": 6, "markeredgewidth": 0.6}
PUBLISHED: dict[str, Any] = {"markerfacecolor": "white", "linewidth": 0.7, "markeredgewidth": 0.7}


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``accuracy``.

    Returns:
        The figure, and what it shows: a row per panel, series and origin (``measured`` or
        ``published``), accuracies as fractions.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows, cells = measured(tables, "accuracy", "accuracy"), tables.cells
    style = styles_of(tables)
    means = means_of(rows, tables)
    beside = published_beside(means, tables, "accuracy")
    half = half_intervals(beside["spread"], beside["n"])
    beside = beside.assign(low=beside["mean"] - half, high=beside["mean"] + half)
    found = guessing_of(rows, tables)
    shown = cells.names(rows)
    numbers = len(found) <= 4
    names, lines = wrapped(shown)
    row_height = max(ROW if numbers else CLOSE_ROW, lines * LINE)
    around = 0.5 if len(names) > 2 else 0.65  # inches, of title and axis
    height = around + row_height * len(names)
    figure, grid = panels(list(found), height, ("Test accuracy (%)", ""), most=2)
    for panel, axes in grid.items():
        draw_ground(axes, cells.title(panel), names, found[panel])
        for row, name in enumerate(shown):
            its = [cells.series_in(frame, panel, name) for frame in (rows, means, beside)]
            _draw_series(axes, row, style[name], *its)
            if numbers:
                _print_numbers(axes, row, *its[1:])
    sentences = [
        f"Bars: 95 % interval of the mean, from {FEWEST} seeds on; n: number of seeds.",
        *origin(rows, beside, tables),
        *lost_seeds(rows, tables),
    ]
    add_foot(figure, _legend(rows, beside, any(found.values())), sentences)
    return figure, measured_and_published(means, beside)


def _draw_series(
    axes: Axes,
    row: int,
    its: Style,
    rows: pandas.DataFrame,
    means: pandas.DataFrame,
    beside: pandas.DataFrame,
) -> None:
    """The seeds of one series, their mean, and the published mean."""
    height = _height(row, beside)
    for collapsed, kind in ((False, SEED), (True, COLLAPSED)):
        values = 100 * rows.loc[rows["status"].eq("collapsed").eq(collapsed), "value"]
        axes.plot(values, [height] * len(values), color=its.colour, **kind)
    for at in means.to_dict("records"):
        if at["n"] >= FEWEST:
            bar = [100 * max(at["low"], 0), 100 * min(at["high"], 1)]
            axes.plot(bar, [height] * 2, color=its.colour, solid_capstyle="butt")
        axes.plot(100 * at["mean"], height, color=its.colour, marker=its.marker, clip_on=False)
    for at in beside.to_dict("records"):
        if not math.isnan(at["low"]):
            bar = [100 * max(at["low"], 0), 100 * min(at["high"], 1)]
            axes.plot(bar, [row + OFFSET] * 2, color=its.colour, linewidth=0.7)
        axes.plot(
            100 * at["mean"],
            row + OFFSET,
            color=its.colour,
            marker=its.marker,
            clip_on=False,
            **PUBLISHED,
        )


def _height(row: int, beside: pandas.DataFrame) -> float:
    """Where the measured value of a row stands: in its middle if none was published."""
    return row if beside.empty else row - OFFSET


def _print_numbers(axes: Axes, row: int, means: pandas.DataFrame, beside: pandas.DataFrame) -> None:
    """The means of one series in words, right of the panel."""
    lines = []
    for at in means.to_dict("records"):
        low, high = 100 * max(at["low"], 0), 100 * min(at["high"], 1)
        interval = f" [{low:.1f}, {high:.1f}]" if at["n"] >= FEWEST else ""
        text = f"{100 * at['mean']:.1f}{interval}, n = {at['n']}"
        lines.append((_height(row, beside), "black", text))
    for at in beside.to_dict("records"):
        low, high = 100 * max(at["low"], 0), 100 * min(at["high"], 1)
        interval = f" [{low:.1f}, {high:.1f}]" if not math.isnan(at["low"]) else ""
        count = f", n = {at['n']:.0f}" if not math.isnan(at["n"]) else ""
        lines.append((row + OFFSET, GREY, f"{100 * at['mean']:.1f}{interval}{count}"))
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
        entries.append(("published mean, 95 % interval", {"marker": "o", **PUBLISHED}))
    if chance:
        entries.append(("chance level", CHANCE))
    return [line(label, kind) for label, kind in entries]


def latex(data: pandas.DataFrame, cells: Cells) -> str:
    """The numbers of the figure as a LaTeX table; it needs the package booktabs.

    Args:
        data: what ``draw`` returns, maybe read back from its CSV file.
        cells: what the study says of its panels.
    """
    found = cells.panels(data)
    lines = []
    for name in dict.fromkeys(data["name"]):
        its = data[data["name"].eq(name)]
        for where in dict.fromkeys(its["origin"]):
            of_origin = its[its["origin"].eq(where)]
            said = [_typeset(cells.series_in(of_origin, panel, name)) for panel in found]
            lines.append([name if where == "measured" else "", where, *said])
    heads = ["series", "", *(cells.title(panel) for panel in found)]
    styled = pandas.DataFrame(lines, columns=heads).style.hide(axis="index").format(escape="latex")
    text: str = styled.format_index(escape="latex", axis="columns").to_latex(
        hrules=True,
        caption=r"Test accuracy in percent: mean over seeds, its 95 \% interval, number of seeds.",
        label="tab:accuracy",
        position="htbp",
        column_format="ll" + "r" * len(found),
    )
    return text


def _typeset(rows: pandas.DataFrame) -> str:
    """The mean of a series in a panel with its interval and seeds; a dash if there is none."""
    said = []
    for at in rows.to_dict("records"):
        known = at["n"] >= FEWEST and not math.isnan(at["low"])
        ends = max(at["low"], 0), min(at["high"], 1)
        interval = f" [{100 * ends[0]:.1f}, {100 * ends[1]:.1f}]" if known else ""
        count = f", {at['n']:.0f}" if not math.isnan(at["n"]) else ""
        said.append(f"{100 * at['mean']:.1f}{interval}{count}")
    return "; ".join(said) or "--"
