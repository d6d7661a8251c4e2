"""Test accuracy of every network by number of training images: tables 1 and 2 of the paper.

Solid markers are ours, hollow ones published. The LaTeX table has the standard error and deviation,
the number of seeds, and the paired gain of learned over fixed filters.
"""

import pandas
from matplotlib.figure import Figure

from isotrope.figures.scattering._arms import (
    accuracy_rows,
    draw_arms,
    means_with_gains,
    published_arms,
    typeset_arms,
)
from isotrope.files.tables import Columns
from isotrope.results.cells import Cells
from isotrope.results.series import Tables, measured_and_published
from isotrope.results.style import look

TITLE = "Accuracy by number of training images"
TABLES = ("runs", "accuracy")
COLUMNS = {"runs": {"training.epochs": "number"}, "accuracy": {}}
LATEX = True
CAPTION = (
    "Test accuracy of every network by the number of images that it is trained on. Solid: mean "
    "over seeds, with its 95 % interval (Student's t), in words and as a bar; hollow: published, "
    "with the same interval in words. The CSV and LaTeX files beside it also have the standard "
    "error and the paired gain of learned over fixed filters, with its interval."
)
DATA: Columns = {
    "name": "text",
    "origin": "text",
    **dict.fromkeys(("mean", "error", "spread", "n", "gain", "gain_low", "gain_high"), "number"),
}


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``accuracy``.

    Returns:
        The figure, and a row per panel and series, in percent: ``mean``, ``error`` (standard
        error), ``spread``, ``n``, and the paired ``gain`` with its interval over ``pairs`` seeds.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows = accuracy_rows(tables)
    ours = means_with_gains(rows, tables)
    theirs = published_arms(ours, tables)
    figure = draw_arms(rows, ours, theirs, tables, "Test accuracy (%)")
    return figure, measured_and_published(ours, theirs)


def latex(data: pandas.DataFrame, cells: Cells) -> str:
    """The numbers of the figure as a LaTeX table; it needs the package booktabs."""
    del cells
    caption = "Test accuracy in percent, with its standard error; SD: standard deviation over seeds"
    return typeset_arms(data, f"{caption}; gain: of learned over fixed filters.", "tab:accuracy")
