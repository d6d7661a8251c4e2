"""How the test accuracy of every series varies from seed to seed: box plots with the seeds.

Supplementary figure 1 of Altstidl et al. 2022 (arXiv 2211.10288). Differs from it: the seeds are
scattered in a fixed way, collapsed ones are marked, and the published box lies below ours.
"""

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from isotrope.figures._published import published_cells
from isotrope.figures._series import (
    CLASSES,
    PLACE,
    Tables,
    in_order,
    lost_seeds,
    measured,
    named,
    of,
    origin,
    panel_title,
    places,
    together,
    with_diverged,
)
from isotrope.figures._statistics import BOX, boxes
from isotrope.figures._style import CHANCE, GREY, Style, add_foot, look, panels, styles

TITLE = "Spread of the test accuracy over seeds"
TABLES = ("runs", "accuracy")
COLUMNS = {"runs": {"training.epochs": "number"}, "accuracy": {}}
CAPTION = (
    "Test accuracy of every seed (supplementary figure 1 of the paper). Boxes: quartiles and "
    "median over seeds, collapsed ones included; whiskers: the outermost seed within 1.5 box "
    "lengths. Dots: the seeds, scattered vertically to be told apart; crosses: seeds that stayed "
    "at chance level. Grey boxes below: the published runs. Dotted: chance level."
)

PAGE = 9.6  # inches, of all panels of a figure together
ROW = 0.27  # inches, of a series with its published box; less where a page would not hold them
LINE = 0.125  # inches, of a name
LETTERS = 18  # of a name, in one line
OURS, THEIRS = -0.17, 0.28  # of a row, the middle of each box from the row's middle
THICK, THIN = 0.36, 0.2  # of a row, heights of the boxes
BOXED = 5  # seeds, for a box: fewer are shown as they are
GOLDEN = 0.6180339887  # its multiples, without whole parts, fill an interval evenly
PUBLISHED = "0.55"
SEED: dict[str, Any] = {
    "linestyle": "",
    "marker": "o",
    "markersize": 1.7,
    "markeredgewidth": 0,
    "alpha": 0.75,
}
COLLAPSED: dict[str, Any] = {
    "linestyle": "",
    "marker": "x",
    "markersize": 3,
    "markeredgewidth": 0.7,
}


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
    ours = with_diverged(boxes(rows, [*PLACE, "name", "model"]), tables["runs"])
    theirs = published_cells(ours, published, "accuracy", BOX)
    found, shown = places(rows), in_order(rows)
    names = ["\n".join(wrap(name, LETTERS)) for name in shown]
    lines = 1 + max(name.count("\n") for name in names)
    down = len({place for place, _ in found}) if len(dict(found)) > 1 else -(-len(found) // 2)
    height = min(0.55 + max(ROW, lines * LINE) * len(names), max(PAGE / down, 1.2))
    figure, grid = panels(found, height, ("Test accuracy (%)", ""), most=2)
    for at, axes in grid.items():
        _draw_ground(axes, at, names)
        for row, name in enumerate(shown):
            its = [of(frame, at, name) for frame in (rows, ours, theirs)]
            _draw_series(axes, row, style[name], *its)
    sentences = [
        f"Boxes: from {BOXED} seeds on.",
        *origin(rows, theirs, published),
        *lost_seeds(rows, tables["runs"], "left out", "in the boxes"),
    ]
    add_foot(figure, _legend(rows, theirs, any(place in CLASSES for place, _ in found)), sentences)
    return figure, together(ours.assign(origin="measured"), theirs)


def _draw_ground(axes: Axes, at: tuple[str, str], names: Sequence[str]) -> None:
    """A panel without its series."""
    place, scenario = at
    axes.set_title(panel_title(place, scenario))
    axes.set(xlim=(-2, 102), xticks=range(0, 101, 25), ylim=(len(names) - 0.4, -0.6))
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
    ours: pandas.DataFrame,
    theirs: pandas.DataFrame,
) -> None:
    """The seeds of one series, their box, and the published box."""
    rows = rows.sort_values(["run", "point", "seed"])
    high = [row + OURS + THICK * ((GOLDEN * i) % 1 - 0.5) for i in range(1, len(rows) + 1)]
    for collapsed, kind in ((False, SEED), (True, COLLAPSED)):
        those = rows["status"].eq("collapsed").eq(collapsed)
        heights = [y for y, drawn in zip(high, those, strict=True) if drawn]
        size = {} if len(rows) >= BOXED or collapsed else {"markersize": 3}
        axes.plot(100 * rows.loc[those, "value"], heights, color=its.colour, **kind | size)
    for at in ours.to_dict("records"):
        if at["n"] >= BOXED:
            _draw_box(axes, row + OURS, THICK, at, its.colour)
    for at in theirs.to_dict("records"):
        _draw_box(axes, row + THEIRS, THIN, at, PUBLISHED)


def _draw_box(axes: Axes, middle: float, height: float, at: dict[Any, Any], colour: str) -> None:
    """Quartiles as a box, the median as its bar, and whiskers."""
    low, lower, median, upper, high = (100 * at[column] for column in BOX)
    corner = (lower, middle - height / 2)
    axes.add_patch(
        Rectangle(corner, upper - lower, height, facecolor="none", edgecolor=colour, linewidth=0.7)
    )
    for ends in ((low, lower), (upper, high)):
        axes.plot(ends, (middle, middle), color=colour, linewidth=0.7)
    bar = (middle - height / 2, middle + height / 2)
    axes.plot((median, median), bar, color=colour, linewidth=1.5, solid_capstyle="butt")


def _legend(rows: pandas.DataFrame, theirs: pandas.DataFrame, chance: bool) -> list[Artist]:
    """What boxes and markers mean; the series are named beside their rows."""
    handles: list[Artist] = []
    if rows.groupby([*PLACE, "name"]).size().max() >= BOXED:
        box = Patch(facecolor="none", edgecolor="black", label="quartiles and median over seeds")
        handles.append(box)
    handles.append(Line2D([], [], color=GREY, **SEED, label="one seed"))
    if rows["status"].eq("collapsed").any():
        handles.append(Line2D([], [], color=GREY, **COLLAPSED, label="collapsed seed"))
    if len(theirs):
        handles.append(
            Patch(facecolor="none", edgecolor=PUBLISHED, label="published quartiles and median")
        )
    if chance:
        handles.append(Line2D([], [], **CHANCE, label="chance level"))
    return handles
