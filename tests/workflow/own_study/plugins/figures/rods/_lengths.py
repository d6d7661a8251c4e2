"""What the figures of rods share."""

import pandas
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

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
from isotrope.results.style import add_foot, panels, styles

AXIS = "Length (pixels)"


def draw_by_length(
    tables: Tables, table: str, metric: str, words: str
) -> tuple[Figure, pandas.DataFrame]:
    """The means of a metric against the length, and published ones."""
    cells = tables.cells
    rows = measured(tables, table, metric)
    means = means_of(rows, tables, ["length"])
    beside = published_beside(means, tables, table, metric, ["length"])
    style = styles(tables.names)
    figure, grid = panels(cells.panels(rows), 1.8, (AXIS, words))
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
