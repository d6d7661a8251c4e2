"""Accuracy at every object size on one data set: measured above, published below.

Figure 5 of Altstidl et al. 2022 (arXiv 2211.10288): MNIST, three scenarios, nine models. Where
MNIST was not run, the first data set that was is shown instead. Differs from it: bands show how
well the means are known, and the published means are over the 25 runs of the paper's accuracies;
in the paper's figure, some lines are means over these and surplus runs.
"""

from collections.abc import Sequence

import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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
from isotrope.results.style import DOUBLE, SINGLE, Style, add_foot, look, new_figure
from isotrope.studies.scale.cells import panels_of

TITLE = "Accuracy at every object size, on one data set"
TABLES = ("runs", "scale_generalization")
COLUMNS = {"runs": {"training.epochs": "number"}, "scale_generalization": {"scale": "number"}}
CAPTION = (
    "Test accuracy against the size of the object on one data set (figure 5 of the paper). Above: "
    "mean over our seeds with its 95 % interval (Student's t) as a band. Below: published means of "
    "the same models, of the 25 seeds (50 on emoji) of which the paper gives accuracies; its own "
    "figure averages up to 25 further networks for five lines (small2large: spatial transform, "
    "ensemble, pixel pool; mid2rest: standard, ensemble). Grey: the sizes trained on. Dotted: "
    "chance level."
)

DATA_SET = "stir/mnist"  # of the published figure
WIDEST = (
    "all2all"  # a scenario without sizes that were not trained on: only shown for want of others
)
LEFT_OUT = {"energy_pool", "conv3d"}  # of the published figure
HEIGHT = 1.75  # inches, of a panel
EVERY = 8  # pixels between two markers of a line


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
    some = rows[~rows["model"].isin(LEFT_OUT)]
    rows = rows if some.empty else some
    found = panels_of(cells.panels(rows), DATA_SET)
    found = [panel for panel in found if panel[1] != WIDEST] or found
    rows = cells.rows_in(rows, found)
    means, beside, style = means_at_sizes(rows, tables)
    frames = {"measured": means} | ({} if beside.empty else {"published": beside})
    figure, grid = _panels(found, list(frames))
    for (panel, what), axes in grid.items():
        axes.set_title(f"{title(panel)}, {what}")
        draw_ground(axes, panel, cells.guessing(rows, panel))
        _draw_series(axes, panel, frames[what], style, cells)
    handles = [*series_handles(means, style), *ground_handles(found, cells, rows)]
    add_foot(figure, handles, sentences(rows, beside, tables))
    return figure, measured_and_published(means, beside)


def _panels(
    found: Sequence[Panel], rows: Sequence[str]
) -> tuple[Figure, dict[tuple[Panel, str], Axes]]:
    """A row of empty panels for what was measured and one for what was published."""
    width = DOUBLE if len(found) > 1 else SINGLE
    figure = new_figure(width, 0.25 + HEIGHT * len(rows))
    cells = figure.subplots(len(rows), len(found), sharex=True, sharey=True, squeeze=False)
    for row in cells:
        row[0].set_ylabel("Test accuracy (%)")
    for axes in cells[-1]:
        axes.set_xlabel("Object size (pixels)")
    return figure, {
        (panel, what): cells[row, column]
        for row, what in enumerate(rows)
        for column, panel in enumerate(found)
    }


def _draw_series(
    axes: Axes, panel: Panel, rows: pandas.DataFrame, style: dict[str, Style], cells: Cells
) -> None:
    """The line of each series, with a band where its mean is known well enough for one."""
    for i, (name, its) in enumerate(style.items()):
        line = cells.series_in(rows, panel, name)
        if line.empty:
            continue
        draw_band(axes, line, its.colour, alpha=0.15)
        axes.plot(
            line["scale"],
            100 * line["mean"],
            color=its.colour,
            linestyle=its.line,
            marker=its.marker,
            markersize=3,
            linewidth=1,
            markevery=(5 * i % EVERY, EVERY),  # so that markers lie apart
        )
