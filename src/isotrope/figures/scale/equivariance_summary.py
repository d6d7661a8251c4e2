"""Test accuracy against equivariance error for one data set and scenario, in both forms.

Figure 6 of Altstidl et al. 2022 (arXiv 2211.10288): emoji, mid2rest, mean of the second stage's
error over the pairs of sizes 64-49 and 32-17 in both directions. Where that was not run, the first
data set and scenario that was is shown instead. The left panel has the published error, whose crops
are not in correspondence; the right one the corrected error with what bounds it.
"""

import pandas
from matplotlib.figure import Figure

from isotrope.figures.scale._equivariance import (
    BOUNDS,
    ERROR_COLUMNS,
    PAIRS,
    PUBLISHED_PAIRS,
    draw_panel,
    errors_of,
    fit_errors,
    legend,
    pair_words,
    published_accuracies,
    shown,
    undefined,
)
from isotrope.results.cells import title
from isotrope.results.series import Tables, lost_seeds, origin
from isotrope.results.style import DOUBLE, add_foot, look, new_figure, styles_of

TITLE = "Accuracy and equivariance error, in short"
TABLES = ("runs", "accuracy", "scale_equivariance")
COLUMNS = ERROR_COLUMNS
CAPTION = (
    "Test accuracy against the equivariance error of the second stage, a point for each seed "
    "(figure 6 of the paper). Left: the published error, whose crops are not in correspondence. "
    "Right: the corrected error; dotted: the floor, what interpolation alone costs; dashed: a "
    "plain network without training. Crosses: seeds that stayed at chance level on their "
    "validation images. Hollow, at the right edge: published mean accuracies; the errors were not "
    "published. "
    "Objects whose error is infinite or undefined, because a map is zero, are left out of a "
    "seed's mean, where the paper leaves out the whole seed; seeds without a finite error at one "
    "of the pairs of sizes are not shown, and counted below."
)

PANEL = ("stir/emoji", "mid2rest")  # of the published figure
LIMITS = (-0.1, 3.1)  # of its axis of errors
FAR = 10.0  # an error beyond which the axis is logarithmic
FORMS = {"published": PUBLISHED_PAIRS, "corrected": PAIRS}


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, ``accuracy`` and ``scale_equivariance``.

    Returns:
        The figure, and what it shows: a row per seed and form, and one per published mean.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    cells = tables.cells
    frames = {form: errors_of(tables, form, pairs) for form, pairs in FORMS.items()}
    found = cells.panels(frames["published"])
    panel = PANEL if PANEL in found else found[0]
    frames = {form: cells.rows_in(rows, [panel]) for form, rows in frames.items()}
    rows = frames["published"]
    style = styles_of(tables)
    style = {name: style[name] for name in cells.names(rows)}
    beside = published_accuracies(rows, tables)
    figure = new_figure(DOUBLE, 2.4)
    across = figure.subplots(1, len(frames), sharey=True)
    for axes, (form, its) in zip(across, frames.items(), strict=True):
        axes.set_title(f"{title(panel)}. {form.capitalize()} error")
        axes.set(ylim=(-3, 103), yticks=range(0, 101, 25))
        axes.set_xlabel("Equivariance error of stage 2 (fraction)")
        largest = its["error"].max()
        if form == "corrected" or largest > FAR:
            fit_errors(axes, its)
        else:
            axes.set_xlim(LIMITS[0], max(LIMITS[1], 1.05 * largest))
        draw_panel(axes, panel, its, beside, style, cells)
    across[0].set_ylabel("Test accuracy (%)")
    sentences = [
        "Error: mean over the objects and the pairs of sizes "
        f"{pair_words(PAIRS, panel[1])} (pixels, each in both directions).",
        BOUNDS,
        *origin(rows, beside, tables),
        *(sentence for its in frames.values() for sentence in undefined(its)),
        *lost_seeds(rows, tables, "left out", "crosses"),
    ]
    add_foot(figure, legend(frames["corrected"], beside, style, cells), sentences)
    data = [shown(its, beside, FORMS[form], cells) for form, its in frames.items()]
    return figure, pandas.concat([data[0][data[0]["origin"].eq("measured")], data[1]])
