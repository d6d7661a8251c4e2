"""How the test accuracy of every series varies from seed to seed: box plots with the seeds.

In the scale study this is supplementary figure 1 of Altstidl et al. 2022 (arXiv 2211.10288).
Differs from it: the seeds are scattered in a fixed way, collapsed ones are marked, and the
published box lies below ours.
"""

from typing import Any

import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from isotrope.figures.general._seed_rows import COLLAPSED, LINE, draw_ground, guessing_of, line
from isotrope.results.published import published_cells
from isotrope.results.series import (
    Tables,
    lost_seeds,
    measured,
    measured_and_published,
    origin,
    with_diverged,
)
from isotrope.results.statistics import BOX, boxes
from isotrope.results.style import (
    CHANCE,
    Style,
    add_foot,
    grid_positions,
    look,
    panels,
    styles_of,
    wrapped,
)

TITLE = "Spread of the test accuracy over seeds"
TABLES = ("runs", "accuracy")
COLUMNS = {"runs": {"training.epochs": "number"}, "accuracy": {}}
CAPTION = (
    "Test accuracy of every seed. Boxes: quartiles and median over seeds, collapsed ones "
    "included; whiskers: the outermost seed within 1.5 box lengths. Dots: the seeds, scattered "
    "vertically to be told apart; crosses: collapsed seeds, explained below the panels. Grey boxes "
    "below: the published runs. Dotted: chance level."
)

PAGE = 9.6  # inches, of all panels of a figure together
ROW = 0.27  # inches, of a series with its published box; less where a page would not hold them
OURS, THEIRS = -0.17, 0.28  # of a row, from its middle to each box; ours is in the middle if alone
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
ACROSS = 2  # panels side by side, at most


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
    ours = with_diverged(boxes(rows, [*tables.panel, "name", "model"]), tables)
    theirs = published_cells(ours, tables, "accuracy", BOX)
    found, shown = guessing_of(rows, tables), cells.names(rows)
    names, lines = wrapped(shown)
    down = 1 + max(row for row, _ in grid_positions(list(found), ACROSS).values())
    height = min(0.55 + max(ROW, lines * LINE) * len(names), max(PAGE / down, 1.2))
    figure, grid = panels(list(found), height, ("Test accuracy (%)", ""), most=ACROSS)
    for panel, axes in grid.items():
        draw_ground(axes, cells.title(panel), names, found[panel], (-2, 102))
        for row, name in enumerate(shown):
            its = [cells.series_in(frame, panel, name) for frame in (rows, ours, theirs)]
            _draw_series(axes, row, style[name], *its)
    sentences = [
        f"Boxes: from {BOXED} seeds on.",
        *origin(rows, theirs, tables),
        *lost_seeds(rows, tables, "left out", "in the boxes"),
    ]
    series = rows.groupby([*tables.panel, "name"]).size()
    legend = _legend(rows, series.max() >= BOXED, len(theirs) > 0, any(found.values()))
    add_foot(figure, legend, sentences)
    return figure, measured_and_published(ours.assign(origin="measured"), theirs)


def _draw_series(
    axes: Axes,
    row: int,
    its: Style,
    rows: pandas.DataFrame,
    ours: pandas.DataFrame,
    theirs: pandas.DataFrame,
) -> None:
    """The seeds of one series, their box, and the published box."""
    middle = row if theirs.empty else row + OURS
    rows = rows.sort_values(["run", "point", "seed"])
    high = [middle + THICK * ((GOLDEN * i) % 1 - 0.5) for i in range(1, len(rows) + 1)]
    for collapsed, kind in ((False, SEED), (True, COLLAPSED)):
        those = rows["status"].eq("collapsed").eq(collapsed)
        heights = [y for y, drawn in zip(high, those, strict=True) if drawn]
        size = {} if len(rows) >= BOXED else {"markersize": COLLAPSED["markersize"]}
        axes.plot(100 * rows.loc[those, "value"], heights, color=its.colour, **kind | size)
    for at in ours.to_dict("records"):
        if at["n"] >= BOXED:
            _draw_box(axes, middle, THICK, at, its.colour)
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


def _legend(rows: pandas.DataFrame, boxed: bool, published: bool, chance: bool) -> list[Artist]:
    """What boxes and markers mean; the series are named beside their rows."""
    handles: list[Artist] = []
    if boxed:
        box = Patch(facecolor="none", edgecolor="black", label="quartiles and median over seeds")
        handles.append(box)
    handles.append(line("one seed", SEED))
    if rows["status"].eq("collapsed").any():
        handles.append(line("collapsed seed", COLLAPSED))
    if published:
        handles.append(
            Patch(facecolor="none", edgecolor=PUBLISHED, label="published quartiles and median")
        )
    if chance:
        handles.append(line("chance level", CHANCE))
    return handles
