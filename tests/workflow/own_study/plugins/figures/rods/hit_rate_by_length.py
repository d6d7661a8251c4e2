"""How often the networks are right, against the length of the rod."""

import pandas
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from plugins.figures.rods._lengths import AXIS

from isotrope.results.cells import title
from isotrope.results.published import published_beside
from isotrope.results.series import (
    Tables,
    lost_seeds,
    means_of,
    measured,
    measured_and_published,
    origin,
)
from isotrope.results.style import add_foot, look, panels, styles

TITLE = "Hits by length"
TABLES = ("runs", "hit_rate")
COLUMNS = {"runs": {"training.epochs": "number"}, "hit_rate": {"length": "number"}}
CAPTION = "Share of rods that are told right, against their length. Hollow: published."


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """The figure, and a row per panel, series, origin and length."""
    cells = tables.cells
    rows = measured(tables, "hit_rate", "hit_rate")
    means = means_of(rows, tables, ["length"])
    beside = published_beside(means, tables, "hit_rate", "hit_rate", ["length"])
    style = styles(tables.names)
    figure, grid = panels(cells.panels(rows), 1.8, (AXIS, "Hits (%)"))
    for panel, axes in grid.items():
        axes.set(title=title(panel), ylim=(0, 105))
        for name, its in style.items():
            for frame, fill in ((means, its.colour), (beside, "white")):
                line = cells.series_in(frame, panel, name)
                axes.plot(
                    line["length"],
                    100 * line["mean"],
                    its.marker,
                    color=its.colour,
                    markerfacecolor=fill,
                )
    legend = [
        Line2D([], [], color=its.colour, marker=its.marker, linestyle="", label=name)
        for name, its in style.items()
    ]
    add_foot(figure, legend, [*origin(rows, beside, tables), *lost_seeds(rows, tables)])
    return figure, measured_and_published(means, beside)
