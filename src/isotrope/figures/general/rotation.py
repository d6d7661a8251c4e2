"""Test accuracy against the angle by which the test images are turned, as a polar plot.

One panel per data set and setting of it, one closed line per series: the mean over seeds with its
95 % interval, beside the published values of the same model where there are some. Where some series
fall far below the others, a second panel shows those that stay high alone.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes

from isotrope.figures.general._lines import LOWEST, Lines, draw_line, draw_published, lines_of
from isotrope.results.cells import Panel
from isotrope.results.series import Tables, measured_and_published
from isotrope.results.style import (
    CHANCE,
    DOUBLE,
    GREY,
    SINGLE,
    SMALL,
    add_foot,
    grid_positions,
    look,
    new_figure,
)

TITLE = "Accuracy against rotation"
TABLES = ("runs", "rotation")
COLUMNS = {"runs": {"training.epochs": "number"}, "rotation": {"angle": "number"}}
CAPTION = (
    "Test accuracy against the angle by which the test images are turned, counter-clockwise from "
    "the top. Solid markers: mean over seeds, with its 95 % interval (Student's t) as a band. "
    "Hollow markers: published values. The radius is the accuracy; it begins in the middle at the "
    "value in the title, not always at 0; a panel that begins higher than another shows the series "
    "that stay above. "
    "Below the panels: number of epochs, diverged and collapsed seeds, source of published values."
)

HIGH = 70  # percent; of series that stay above it, the upper part is shown enlarged
MOST = 2  # panels with an enlarged one beside each
HIGHEST = 4.2  # inches, of a panel
TURN = 360  # degrees


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``rotation``.

    Returns:
        The figure, and what it shows: a row per panel, series, origin (``measured`` or
        ``published``) and angle (degrees), accuracies as fractions.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    lines = lines_of(tables, "rotation", ["angle"])
    beginnings, guessing = _beginnings(lines), lines.guessing()
    figure, grid = _polar_panels(lines, beginnings)
    for (panel, first), axes in grid.items():
        heading = f"{tables.cells.title(panel)}, {first}\N{EN DASH}100 %"
        axes.set_title(heading, loc="center", pad=8)
        _draw_ground(axes, first)
        level = guessing[panel]
        if level is not None and level > first:
            _draw_circle(axes, level)
        for name, its in lines.style.items():
            ours, theirs = lines.of(panel, name)
            if len(ours) and 100 * ours["mean"].min() >= first:
                closed = _closed(ours)
                within = closed.assign(low=closed["low"].clip(first / 100))
                draw_line(axes, np.radians(closed["angle"]), within, its, lines.crowded)
            seen = theirs[100 * theirs["mean"] >= first]
            draw_published(axes, np.radians(seen["angle"]), seen, its)
    chance = any(value is not None and value > beginnings[0] for value in guessing.values())
    sentences = [
        "Angle: turn of the test images. Radius: accuracy, from the middle to the rim as the title "
        "says.",
        *lines.sentences(),
    ]
    handles: list[Artist] = lines.handles(chance)
    add_foot(figure, handles, sentences)
    return figure, measured_and_published(lines.means, lines.beside)


def _beginnings(lines: Lines) -> list[int]:
    """The accuracy in the middle of each kind of panel, in percent: multiples of 5.

    The first is below all that is drawn, the second below the series that stay high.
    """
    least = 100 * lines.means.groupby([*lines.tables.panel, "name"])["mean"].min()
    lowest = np.nanmin([least.min(), 100 * lines.beside["mean"].min()])
    if lowest >= LOWEST:
        return [_below(lowest)]
    high = least[least >= HIGH]
    enlarged = len(high) > 1 and len(lines.panels) <= MOST
    return [0, _below(high.min())] if enlarged else [0]


def _below(value: float) -> int:
    return max(0, 5 * math.floor((value - 2) / 5))


def _polar_panels(
    lines: Lines, beginnings: Sequence[int]
) -> tuple[Figure, dict[tuple[Panel, int], PolarAxes]]:
    """An empty figure with a polar panel for each panel and beginning of the radius."""
    if len(beginnings) > 1:
        found = [(panel, first) for panel in lines.panels for first in beginnings]
        cells = {key: divmod(i, len(beginnings)) for i, key in enumerate(found)}
    else:
        positions = grid_positions(lines.panels)
        cells = {(panel, beginnings[0]): cell for panel, cell in positions.items()}
    rows, columns = (1 + max(cell[axis] for cell in cells.values()) for axis in (0, 1))
    width = DOUBLE if columns > 1 or lines.crowded else SINGLE
    figure = new_figure(width, rows * (min(width / columns, HIGHEST) + 0.2))
    grid = figure.subplots(rows, columns, squeeze=False, subplot_kw={"projection": "polar"})
    used = set(cells.values())
    for cell, axes in np.ndenumerate(grid):
        if cell not in used:
            axes.remove()
    return figure, {key: grid[cell] for key, cell in cells.items()}


def _draw_ground(axes: PolarAxes, first: int) -> None:
    """A panel without its lines: circles of accuracy, and the angles."""
    step = next(step for step in (5, 10, 20, 25) if (100 - first) / step <= 5)
    axes.set_theta_zero_location("N")
    axes.set_rlim(first, 100)
    circles = [value for value in range(100, first, -step) if value > first + step / 2]
    axes.set_rgrids(circles, [f"{value}" for value in circles], angle=22.5, color=GREY)
    axes.set_thetagrids(range(0, TURN, 45))
    axes.tick_params(axis="x", pad=0)
    axes.grid(color="0.88", linewidth=0.5)
    axes.spines["polar"].set_color("0.6")
    for label in axes.get_yticklabels():
        label.set(size=SMALL - 0.5, zorder=6, ha="center", va="center")
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.4})


def _draw_circle(axes: PolarAxes, value: float) -> None:
    """The chance level."""
    around = np.linspace(0, 2 * np.pi, 181)
    axes.plot(around, np.full_like(around, value), **CHANCE, zorder=1)


def _closed(line: pandas.DataFrame) -> pandas.DataFrame:
    """A line that ends where it begins, if its angles go once around in steps of one size."""
    line = line.sort_values("angle")
    angles = line["angle"].to_numpy(float)
    if len(angles) < 3 or angles[-1] - angles[0] + (angles[1] - angles[0]) < TURN - 1e-6:
        return line
    first = line.iloc[[0]]
    return pandas.concat([line, first.assign(angle=first["angle"] + TURN)])
