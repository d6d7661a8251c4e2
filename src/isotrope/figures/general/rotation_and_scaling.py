"""Test accuracy of images that are turned and scaled at once: a heat map for each series.

One colour scale for all maps; the worst cell of each is framed, and its accuracy stands above.
"""

from typing import Any

import pandas
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from isotrope.figures.general._heat_maps import draw_map, grid, table_of
from isotrope.results.series import (
    Tables,
    lost_seeds,
    means_of,
    measured,
    measured_and_published,
    origin,
)
from isotrope.results.style import SMALL, add_foot, look, wrapped

TITLE = "Accuracy against rotation and scale"
TABLES = ("runs", "rotation_and_scaling")
COLUMNS = {
    "runs": {"training.epochs": "number"},
    "rotation_and_scaling": {"angle": "number", "scale": "number"},
}
CAPTION = (
    "Test accuracy of images that are turned and scaled at once, on a canvas that keeps its size: "
    "mean over seeds, one colour scale for all series. Frame: the worst cell of each map; its "
    "accuracy, and the mean over all cells, stand above. Below the maps: number of epochs, "
    "diverged and collapsed seeds."
)

LETTERS = {1: 60, 2: 48, 3: 32, 4: 24, 5: 18}  # of a title, in one line, by columns
MOST = 20  # maps
FRAME: dict[str, Any] = {"facecolor": "none", "edgecolor": "#D55E00", "linewidth": 1.1}


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``rotation_and_scaling``.

    Returns:
        The figure, and what it shows: a row per panel, series, angle (degrees) and scale,
        accuracies as fractions.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows, cells = measured(tables, "rotation_and_scaling", "accuracy"), tables.cells
    means = means_of(rows, tables, ["angle", "scale"])
    found = {
        (panel, name): table_of(line, "mean")
        for panel in cells.panels(rows)
        for name in cells.names(rows)
        if len(line := cells.series_in(means, panel, name))
    }
    maps = dict(list(found.items())[:MOST])
    columns = _columns(len(maps))
    several = len(cells.panels(rows)) > 1
    every = [f"{name}, {cells.title(panel)}" if several else name for panel, name in found]
    titles, lines = wrapped(every[:MOST], LETTERS[columns])
    space = "\n" if columns > 4 else ", "
    figure, panels = grid(len(maps), columns, lines + (2 if columns > 4 else 1))
    lowest = means["mean"].min()
    for axes, title, table in zip(panels, titles, maps.values(), strict=True):
        image = draw_map(axes, 100 * table, vmin=100 * lowest, vmax=100, cmap="viridis")
        worst = int(table.to_numpy().argmin())
        row, column = divmod(worst, table.shape[1])
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, clip_on=False, **FRAME))
        worst_value, mean = 100 * table.to_numpy().min(), 100 * table.to_numpy().mean()
        axes.set_title(f"{title}\nworst {worst_value:.1f}{space}mean {mean:.1f}", size=SMALL)
    bar = figure.colorbar(image, ax=panels, pad=0.01, aspect=30)
    bar.set_label("Test accuracy (%)")
    bar.outline.set_visible(False)
    heading = "" if several else f"{cells.title(cells.panels(rows)[0])}. "
    left_out = f" Left out for want of room: {'; '.join(every[MOST:])}." if every[MOST:] else ""
    sentences = [
        f"{heading}Means over seeds.{left_out}",
        *origin(rows, means.iloc[:0], tables),
        *lost_seeds(rows, tables),
    ]
    add_foot(figure, [], sentences)
    return figure, measured_and_published(means, means.iloc[:0])


def _columns(count: int) -> int:
    """How many maps stand side by side."""
    return next(columns for columns in LETTERS if count <= columns**2)
