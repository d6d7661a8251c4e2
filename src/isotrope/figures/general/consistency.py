"""Accuracy and consistency under shifts at a glance: a row for each series.

Its columns are the test accuracy, both consistencies under the published protocol, and the share of
images that are recognised at every shift of a box. The table beside it has more columns.
"""

import pandas
from matplotlib.figure import Figure

from isotrope.figures.general._columns import Group, draw_columns
from isotrope.figures.general._shift_table import COLUMNS as COLUMNS_OF_TABLE
from isotrope.figures.general._shift_table import DATA as DATA_OF_TABLE
from isotrope.figures.general._shift_table import MEASURES, box_of, rows_of, typeset
from isotrope.figures.general._shifts import KINDS, said
from isotrope.files.tables import Columns
from isotrope.results.cells import Cells
from isotrope.results.published import published_beside
from isotrope.results.series import (
    Tables,
    lost_seeds,
    means_of,
    measured_and_published,
    origin,
)
from isotrope.results.statistics import FEWEST
from isotrope.results.style import look, styles_of

TITLE = "Accuracy and consistency under shifts"
TABLES = ("runs", "accuracy", "shift_consistency", "shift_accuracy")
COLUMNS = COLUMNS_OF_TABLE
LATEX = True
CAPTION = (
    "Test accuracy; the share of pairs of shifted copies of an image that are answered alike, "
    "with circular shifts and with shifts off the canvas; and the share of images that are "
    "recognised at every circular shift of the box. Solid: mean over seeds with its 95 % "
    "interval (Student's t), in words and as a bar. Hollow and in brackets: "
    "published. The table beside it has more columns."
)
DATA: Columns = DATA_OF_TABLE


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, ``accuracy``, ``shift_consistency`` and ``shift_accuracy``.

    Returns:
        The figure, and what it shows: a row per panel, series, metric and origin, in percent;
        parameters in millions.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    cells, (rows, protocols) = tables.cells, rows_of(tables)
    means = means_of(rows, tables, ["metric"])
    beside = _published(tables, means, protocols)
    style = styles_of(tables)
    groups = []
    for panel in cells.panels(rows):
        ours, theirs = (cells.rows_in(frame, [panel]) for frame in (means, beside))
        groups.append(Group(cells.title(panel), cells.names(ours), ours, theirs))
    sentences = [
        f"Bars and ±: 95 % interval of the mean, from {FEWEST} seeds on.",
        f"{said(protocols)} {box_of(tables)}",
        *origin(rows, beside, tables),
        *lost_seeds(rows, tables),
    ]
    figure = draw_columns(groups, MEASURES, style, sentences)
    return figure, measured_and_published(means, beside)


def _published(tables: Tables, means: pandas.DataFrame, protocols: list[str]) -> pandas.DataFrame:
    """Published means beside ours, in percent."""
    overall = published_beside(means, tables, "accuracy")
    overall = overall.assign(
        metric="accuracy", mean=100 * overall["mean"], spread=100 * overall["spread"]
    )
    settings = ["protocol", "padding"]
    pairs = published_beside(means, tables, "shift_consistency", "consistency", settings)
    pairs = pairs[pairs["protocol"].isin(protocols) & pairs["padding"].isin(KINDS)]
    both = [overall, pairs.assign(metric=pairs["padding"]).drop(columns=settings)]
    return pandas.concat([frame for frame in both if len(frame)] or both[:1], ignore_index=True)


def latex(data: pandas.DataFrame, cells: Cells) -> str:
    """The numbers of the figure as a LaTeX table; it needs the package booktabs."""
    caption = "Accuracy and consistency under shifts, in percent, ± standard deviation over seeds."
    return typeset(data, cells, caption, "tab:consistency")
