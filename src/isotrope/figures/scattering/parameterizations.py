"""Accuracy by what of the filters is learned: nothing, each one, each scale, or every pixel.

It shows the data sets on which at least two forms were learned, with the same model.
"""

import pandas
from matplotlib.figure import Figure

from isotrope.figures.scattering._arms import (
    FIXED,
    accuracy_rows,
    draw_arms,
    means_with_gains,
    nothing,
    published_arms,
    typeset_arms,
)
from isotrope.files.tables import Columns
from isotrope.results.cells import Cells
from isotrope.results.series import Tables, measured_and_published
from isotrope.results.style import look

TITLE = "What of the filters is learned"
TABLES = ("runs", "accuracy")
COLUMNS = {"runs": {"training.epochs": "number"}, "accuracy": {}}
LATEX = True
CAPTION = (
    "Test accuracy by what of the filters is learned: fixed (nothing), canonical (four numbers "
    "each), equivariant (four for each scale) or pixelwise (their whole spectra), by the number of "
    "training images. Solid: mean over seeds, with its 95 % interval (Student's t), in words and "
    "as a bar; hollow: published, with the same interval in words."
)
DATA: Columns = {
    "name": "text",
    "origin": "text",
    **dict.fromkeys(("mean", "error", "spread", "n", "gain", "gain_low", "gain_high"), "number"),
}

NONE = "no two runs here learn their filters in different forms (model.parameterization)"
FORM = "variant.parameterization"


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``accuracy``.

    Returns:
        The figure, and a row per panel and series with ``form``, in percent.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows = accuracy_rows(tables)
    learned = rows[FORM].where(~rows[FORM].isin(["", FIXED]))
    forms = learned.groupby([rows["place"], rows["model"]]).transform("nunique")
    rows = rows[forms.gt(1) & rows[FORM].ne("")]
    if rows.empty:
        return nothing(tables, NONE)
    ours = means_with_gains(rows, tables)
    theirs = published_arms(ours, tables)
    figure = draw_arms(rows, ours, theirs, tables, "Test accuracy (%)")
    form = rows.drop_duplicates("name").set_index("name")[FORM]
    data = measured_and_published(ours, theirs)
    return figure, data.assign(form=data["name"].map(form))


def latex(data: pandas.DataFrame, cells: Cells) -> str:
    """The numbers of the figure as a LaTeX table; it needs the package booktabs."""
    del cells
    caption = "Test accuracy in percent by what of the filters is learned; gain: over fixed ones."
    return typeset_arms(data, caption, "tab:parameterizations")
