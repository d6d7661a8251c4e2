"""Accuracy against the object's size: what a network knows at sizes that it was not trained on.

One panel per data set and scenario, one line per series: the mean over seeds with its 95 %
interval, beside the published mean of the same model where there is one. With all of the scale
study this is supplementary figure 2 of Altstidl et al. 2022 (arXiv 2211.10288).
"""

from typing import Any

import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isotrope.figures.scale._size_lines import (
    EVALUATION,
    draw_band,
    draw_ground,
    ground_handles,
    means_at_sizes,
    sentences,
    series_handles,
)
from isotrope.results.cells import Cells, Panel, title
from isotrope.results.series import Tables, measured, measured_and_published
from isotrope.results.style import GREY, Style, add_foot, look, panels

TITLE = "Accuracy at every object size"
TABLES = ("runs", "scale_generalization")
COLUMNS = {"runs": {"training.epochs": "number"}, "scale_generalization": {"scale": "number"}}
CAPTION = (
    "Test accuracy against the size of the object (supplementary figure 2 of the paper). Solid "
    "markers: mean over seeds, with its 95 % interval (Student's t) as a band. Hollow markers: "
    "published means of the seeds of which the paper gives accuracies, 50 on emoji, else 25; its "
    "own figure averages up to 25 further networks for five lines of mnist (small2large: "
    "spatial transform, ensemble, pixel pool; mid2rest: standard, ensemble), which moves them. "
    "Grey: the sizes trained on. Dotted: chance level. Below the panels: number "
    "of epochs, diverged and collapsed seeds, source of the published values."
)

STEP, WIDE_STEP = 6, 12  # pixels between two markers of a line, and where panels are crowded
PUBLISHED: dict[str, Any] = {
    "linestyle": (0, (4, 2)),
    "linewidth": 0.7,
    "markerfacecolor": "white",
    "markeredgewidth": 0.7,
    "markersize": 3.4,
}
CROWD = 6  # series, or panels; more are drawn finer


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``scale_generalization``.

    Returns:
        The figure, and what it shows: a row per panel, series, origin (``measured`` or
        ``published``) and scale (pixels), accuracies as fractions.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows, cells = measured(tables, EVALUATION, "accuracy"), tables.cells
    means, beside, style = means_at_sizes(rows, tables)
    found = cells.panels(rows)
    crowded = len(style) > CROWD
    height = 2.6 if crowded and len(found) < 3 else 1.9
    step = WIDE_STEP if crowded and len(found) > CROWD else STEP
    labels = "Object size (pixels)", "Test accuracy (%)"
    figure, grid = panels(found, height, labels, wide=crowded)
    for panel, axes in grid.items():
        axes.set_title(title(panel))
        draw_ground(axes, panel, cells.guessing(rows, panel))
        _draw_series(axes, panel, means, beside, style, step, cells)
    handles: list[Artist] = series_handles(means, style)
    if len(beside):
        handles.append(Line2D([], [], color=GREY, marker="o", label="published mean", **PUBLISHED))
    handles += ground_handles(found, cells, rows)
    add_foot(figure, handles, sentences(rows, beside, tables))
    return figure, measured_and_published(means, beside)


def _draw_series(
    axes: Axes,
    panel: Panel,
    means: pandas.DataFrame,
    beside: pandas.DataFrame,
    style: dict[str, Style],
    step: int,
    cells: Cells,
) -> None:
    """The lines of one panel; they have a marker every ``step`` pixels."""
    size, width, alpha = (3.8, 1.3, 0.18) if len(style) <= CROWD else (2.8, 0.9, 0.1)
    for i, (name, its) in enumerate(style.items()):
        lines = [cells.series_in(rows, panel, name) for rows in (means, beside)]
        draw_band(axes, lines[0], its.colour, alpha=alpha, edge=0.4)
        ours = {"linestyle": its.line, "linewidth": width, "markersize": size, "zorder": 4}
        theirs = {**PUBLISHED, "markersize": size - 0.4, "zorder": 3}
        beginning = 5 * i % step, (5 * i + step // 2) % step  # so that markers lie apart
        for line, kind, first in zip(lines, (ours, theirs), beginning, strict=True):
            if len(line):
                axes.plot(
                    line["scale"],
                    100 * line["mean"],
                    color=its.colour,
                    marker=its.marker,
                    markevery=(first, step),
                    clip_on=False,
                    **kind,
                )
