"""Accuracy and consistency by how phases are taken in training and in tests, and by temperature.

It shows the runs and points that differ in nothing else, if their training modes differ; those of
the project are narrower than the published networks, which the figure says.
"""

import pandas
from matplotlib.figure import Figure

from isotrope.figures.general._shift_table import COLUMNS as COLUMNS_OF_TABLE
from isotrope.figures.general._shift_table import DATA as DATA_OF_TABLE
from isotrope.figures.general._shift_table import typeset
from isotrope.figures.shift._settings import draw_settings
from isotrope.files.tables import Columns
from isotrope.results.cells import Cells
from isotrope.results.series import Tables
from isotrope.results.style import look

TITLE = "How phases are taken in training, and the temperature"
TABLES = ("runs", "accuracy", "shift_consistency", "shift_accuracy")
COLUMNS = COLUMNS_OF_TABLE
LATEX = True
CAPTION = (
    "Accuracy and consistency of networks with learned phases, by how phases are taken in training "
    "(drawn and mixed, drawn and taken whole, mixed, or the best alone) and in tests, and by the "
    "schedule of the temperature. Solid: mean over seeds, with its 95 % interval (Student's "
    "t), in words and as a bar. The table beside it has more columns."
)
DATA: Columns = {**DATA_OF_TABLE, "setting": "text"}

SETTINGS = {  # columns of runs.csv, and how a value is said
    "model.train_mode": "{}",
    "model.test_mode": "tested {}",
    "model.temperature.name": "temperature {}",
    "model.temperature.value": "at {}",
    "model.temperature.minimum": "to {}",
}


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, ``accuracy``, ``shift_consistency`` and ``shift_accuracy``.

    Returns:
        The figure, and what it shows: a row per panel, series and metric, in percent.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    none = "no two runs here differ in how they take phases in training (model.train_mode)"
    return draw_settings(tables, "model.train_mode", SETTINGS, none)


def latex(data: pandas.DataFrame, cells: Cells) -> str:
    """The numbers of the figure as a LaTeX table; it needs the package booktabs."""
    data = data.assign(name=data["setting"])
    return typeset(
        data, cells, "Training modes, in percent, ± standard deviation.", "tab:training-modes"
    )
