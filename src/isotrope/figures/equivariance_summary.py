"""Test accuracy against equivariance error for one data set and scenario, in both forms.

Figure 6 of Altstidl et al. 2022 (arXiv 2211.10288): emoji, mid2rest, mean of the second stage's
error over the pairs of sizes 64-49 and 32-17 in both directions. Where that was not run, the first
data set and scenario that was is shown instead. The left panel has the published error, whose crops
are not in correspondence; the right one the corrected error with what bounds it.
"""

import pandas
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from isotrope.figures._equivariance import (
    BOUNDS,
    ERROR_COLUMNS,
    PAIRS,
    PUBLISHED_PAIRS,
    draw_panel,
    errors_of,
    legend,
    logarithmic,
    pair_words,
    published_accuracies,
    shown,
    undefined,
)
from isotrope.figures._series import (
    Tables,
    in_order,
    lost_seeds,
    named,
    origin,
    panel_title,
    places,
    within,
)
from isotrope.figures._style import DOUBLE, add_foot, look, styles

TITLE = "Accuracy and equivariance error, in short"
TABLES = ("runs", "accuracy", "scale_equivariance")
COLUMNS = ERROR_COLUMNS
CAPTION = (
    "Test accuracy against the equivariance error of the second stage, a point for each seed "
    "(figure 6 of the paper). Left: the published error, whose crops are not in correspondence. "
    "Right: the corrected error; dotted: the floor, what interpolation alone costs; dashed: a "
    "plain network without training. Crosses: seeds that stayed at chance level. Hollow, at the "
    "right edge: published mean accuracies; the errors were not published."
)

PLACE = ("stir/emoji", "mid2rest")  # of the published figure
LIMITS = (-0.1, 3.1)  # of its axis of errors
FAR = 10.0  # an error beyond which the axis is logarithmic
FORMS = {"published": PUBLISHED_PAIRS, "corrected": PAIRS}


@look
def draw(tables: Tables, published: pandas.DataFrame) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, ``accuracy`` and ``scale_equivariance``.
        published: published numbers in long form, maybe without rows.

    Returns:
        The figure, and what it shows: a row per seed and form, and one per published mean.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    frames = {form: errors_of(tables, form, pairs) for form, pairs in FORMS.items()}
    found = places(frames["published"])
    at = PLACE if PLACE in found else found[0]
    frames = {form: within(rows, [at]) for form, rows in frames.items()}
    rows = frames["published"]
    style = styles(list(dict.fromkeys(named(tables["runs"])["name"])))
    style = {name: style[name] for name in in_order(rows)}
    beside = published_accuracies(rows, tables["runs"], published)
    figure = Figure((DOUBLE, 2.4), layout="constrained")
    FigureCanvasAgg(figure)  # measures words, whatever is written later
    cells = figure.subplots(1, len(frames), sharey=True)
    for axes, (form, its) in zip(cells, frames.items(), strict=True):
        axes.set_title(f"{panel_title(*at)}. {form.capitalize()} error")
        axes.set(ylim=(-3, 103), yticks=range(0, 101, 25))
        axes.set_xlabel("Equivariance error of stage 2 (fraction)")
        largest = its["error"].max()
        if form == "corrected" or largest > FAR:
            logarithmic(axes, its)
        else:
            axes.set_xlim(LIMITS[0], max(LIMITS[1], 1.05 * largest))
        draw_panel(axes, at, its, beside, style)
    cells[0].set_ylabel("Test accuracy (%)")
    sentences = [
        "Error: mean over the objects and the pairs of sizes "
        f"{pair_words(PAIRS, at[1])} (pixels, each in both directions).",
        BOUNDS,
        *origin(rows, beside, published),
        *(sentence for its in frames.values() for sentence in undefined(its)),
        *lost_seeds(rows, tables["runs"], "left out", "crosses"),
    ]
    add_foot(figure, legend(frames["corrected"], beside, style), sentences)
    data = [shown(its, beside, FORMS[form]) for form, its in frames.items()]
    return figure, pandas.concat([data[0][data[0]["origin"].eq("measured")], data[1]])
