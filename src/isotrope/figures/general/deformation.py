"""How far what a network makes of an image moves when the image is deformed.

A panel for each deformation, a line for each series in each panel of its study: the mean over seeds
of the relative distance, with the middle 95 % of a bootstrap over images. The dashed line is the
mean distance to other images: a deformation that comes near it has made another image.
"""

from collections.abc import Mapping
from typing import Any

import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isotrope.files.tables import Columns
from isotrope.results.cells import Panel
from isotrope.results.series import Tables, joined, lost_seeds, measured, origin, seeds
from isotrope.results.style import DOUBLE, GREY, Style, add_foot, look, new_figure, styles

TITLE = "Distance by deformation"
TABLES = ("runs", "deformation")
COLUMNS: Mapping[str, Columns] = {
    "runs": {"training.epochs": "number"},
    "deformation": {"part": "text", "deformation": "text", "size": "number"},
}
CAPTION = (
    "How far the output of a network, or of its scattering transform, moves when the image is "
    "deformed, relative to its norm: mean over seeds and images; bands: the middle 95 % of a "
    "bootstrap over images. Dashed: mean distance between different images. Sizes of the "
    "deformations from mallat on: the largest spectral norm of the Jacobian matrix."
)

MOST, FEW = 6, 9  # lines, and points of a line that have markers
COLUMNS_OF_PANELS = 4
UNITS = {
    "rotation": "degrees",
    "perspective": "part of half the image",
    "shear": "degrees",
    "sharpness": "factor",
    "translation": "pixels",
}
SIZE = "size of the deformation"
ENDS = ("distance", "distance_low", "distance_high", "baseline")
Line = tuple[Panel, str]


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``deformation``.

    Returns:
        The figure, and a row per panel, series, part, deformation and size, with ``mean``, ``low``
        and ``high`` of the distance, and per panel, series and part one of the ``baseline``; also
        of series for which there is no room.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows = measured(tables, "deformation", "distance")
    data = _data(tables)
    cells = tables.cells
    found = [
        (panel, name)
        for panel in cells.panels(rows)
        for name in cells.names(cells.rows_in(rows, [panel]))
    ]
    shown = _labels(found[:MOST], tables)
    style = styles(list(shown.values()))
    kinds = list(dict.fromkeys(rows["deformation"]))
    across = min(COLUMNS_OF_PANELS, len(kinds))
    down = -(-len(kinds) // across)
    figure = new_figure(DOUBLE, 1.65 * down + 0.1)
    grid = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
    for axes in grid[len(kinds) :]:
        axes.remove()
    for axes, kind in zip(grid, kinds, strict=False):
        axes.set_title(kind.replace("_", " "))
        axes.set_xlabel(UNITS.get(kind, SIZE).capitalize())
        for line, label in shown.items():
            its = cells.series_in(data, *line)
            _draw_line(axes, its[its["deformation"].isin([kind, ""])], style[label])
    grid[0].set_ylim(bottom=0)
    for axes in grid[: len(kinds) : across]:
        axes.set_ylabel("Relative distance")
    left_out = "; ".join(f"{name}, {cells.title(panel)}" for panel, name in found[MOST:])
    drawn = rows[[line in shown for line in _lines_of(rows, tables)]]
    parts = ", ".join(dict.fromkeys(drawn["part"]))
    images = sorted({int(n) for n in drawn["n"]})
    count = f"{images[0]}-{images[-1]}" if len(images) > 1 else f"{images[0]}"
    sentences = [
        f"Distances of: {parts}; {count} images.",
        *([f"Left out for want of room: {left_out}."] if left_out else []),
        *origin(drawn, drawn.iloc[:0], tables),
        *lost_seeds(rows, tables),
    ]
    add_foot(figure, _legend(data, shown, style, tables), sentences)
    return figure, data


def _lines_of(rows: pandas.DataFrame, tables: Tables) -> list[Line]:
    """The panel and series of each row."""
    panels = zip(*(rows[column] for column in tables.panel), strict=True)
    return list(zip(panels, rows["name"], strict=True))


def _labels(lines: list[Line], tables: Tables) -> dict[Line, str]:
    """What lines are called: with their panels where these are several."""
    several = len({panel for panel, _ in lines}) > 1
    return {
        (panel, name): f"{name}, {tables.cells.title(panel)}" if several else name
        for panel, name in lines
    }


def _data(tables: Tables) -> pandas.DataFrame:
    """Means over seeds of the distances, the ends of their intervals, and the baselines."""
    rows = joined(tables, "deformation")
    rows = rows[rows["metric"].isin(ENDS)]
    rows = rows.assign(size=rows["size"].where(rows["metric"].ne("baseline"), -1.0))
    by = [*tables.panel, "name", "model", "part", "deformation", "size"]
    values = rows.pivot_table(index=by, columns="metric", values="value", sort=False)
    values = values.reindex(columns=list(ENDS))
    counts = rows.groupby(by, sort=False)["seed"].nunique().rename("n")
    data = values.join(counts).reset_index()
    data.columns.name = None
    data = data.rename(columns={"distance": "mean", "distance_low": "low", "distance_high": "high"})
    data["size"] = data["size"].where(data["deformation"].ne(""))
    return data


def _draw_line(axes: Axes, rows: pandas.DataFrame, its: Style) -> None:
    """A line with its band, and the baseline."""
    line = rows.dropna(subset=["mean"]).sort_values("size")
    axes.fill_between(line["size"], line["low"], line["high"], color=its.colour, alpha=0.16, lw=0)
    kind: dict[str, Any] = {"marker": its.marker} if len(line) < FEW else {}
    axes.plot(line["size"], line["mean"], color=its.colour, markersize=2.6, **kind)
    for level in rows["baseline"].dropna():
        axes.axhline(level, color=its.colour, linewidth=0.7, linestyle=(0, (4, 2)), zorder=1)


def _legend(
    data: pandas.DataFrame, shown: Mapping[Line, str], style: Mapping[str, Style], tables: Tables
) -> list[Artist]:
    handles: list[Artist] = []
    for line, label in shown.items():
        count = seeds([int(n) for n in tables.cells.series_in(data, *line)["n"]])
        handles.append(Line2D([], [], color=style[label].colour, label=f"{label} ({count})"))
    baseline: dict[str, Any] = {"color": GREY, "linewidth": 0.7, "linestyle": (0, (4, 2))}
    if data["baseline"].notna().any():
        handles.append(Line2D([], [], **baseline, label="distance to other images"))
    return handles
