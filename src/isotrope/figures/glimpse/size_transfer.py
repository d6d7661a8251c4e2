"""Accuracy at sizes that networks were not trained at, on a canvas that stays as it is.

A recurrent attention model with square patches, trained on digits of one size, is known to fail at
smaller ones; the published values of that stand beside. A panel for each data set.
"""

import pandas
from matplotlib.figure import Figure

from isotrope.figures.general._lines import draw_panels, lines_of
from isotrope.results.series import Tables, measured_and_published
from isotrope.results.style import logarithmic, look

TITLE = "Accuracy at sizes not trained at"
TABLES = ("runs", "scaling")
COLUMNS = {
    "runs": {"training.epochs": "number"},
    "scaling": {"canvas": "text", "scale": "number"},
}
CAPTION = (
    "Test accuracy against the size of the thing in the image, where 1 is the size in training and "
    "the canvas stays as it is: what is scaled up may leave it. Solid markers: mean over seeds, "
    "with its 95 % interval (Student's t) as a band. Hollow markers: what a user of a public "
    "program of a recurrent attention model has reported of it, and not whether its canvas stayed. "
    "Dotted: chance level."
)


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``scaling``.

    Returns:
        The figure, and what it shows: a row per panel, series, origin (``measured`` or
        ``published``) and scale, accuracies as fractions.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    lines = lines_of(tables, "scaling", ["canvas", "scale"])
    kept = {"": lambda rows: rows[rows["canvas"].eq("kept")]}
    figure, axes = draw_panels(lines, "scale", kept, "Size, in sizes of training")
    for panel in axes:
        logarithmic(panel, (1, 2, 5))
    shown = measured_and_published(*(kept[""](rows) for rows in (lines.means, lines.beside)))
    return figure, shown
