"""Seconds that an epoch of training takes, by model and data set, as a picture and in LaTeX.

Table 2 of Altstidl et al. 2022 (arXiv 2211.10288): mid2rest, mean over runs of the training seconds
of the last epoch, on an NVIDIA A100. Differs from it: the mean over all epochs stands beside the
last (a first epoch that warms up the device made it up to 1.7 times as long), and the device is
named. Where mid2rest was not run, the first scenario that was is shown instead.
"""

import pandas
from matplotlib.figure import Figure

from isotrope.figures.general import training_time as general
from isotrope.results.cells import Cells, title
from isotrope.results.series import Tables
from isotrope.results.style import look

TITLE = "Training time of an epoch"
TABLES = ("runs",)
COLUMNS = general.COLUMNS
LATEX = True
CAPTION = (
    "Training time of an epoch (table 2 of the paper): mean over seeds of the seconds in the "
    "training loop. Filled: last epoch. Tick: mean over all epochs. Seeds that train at once share "
    "their time; seeds that were not trained here are left out. Hollow and grey: published, on an "
    "NVIDIA A100. The same numbers are in the CSV and LaTeX files beside this picture."
)

DATA = general.DATA
SCENARIO = "mid2rest"  # of the published table


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure: see ``isotrope.figures.general.training_time.draw_times``."""
    rows = general.trained(tables)
    if rows.empty:
        return general.draw_times(tables, rows)
    found = tables.cells.panels(rows)
    scenario = SCENARIO if any(panel[1] == SCENARIO for panel in found) else found[0][1]
    rows = tables.cells.rows_in(rows, [panel for panel in found if panel[1] == scenario])
    return general.draw_times(tables, rows, "NVIDIA A100")


def latex(data: pandas.DataFrame, cells: Cells) -> str:
    """The numbers of the figure as a LaTeX table; all are of one scenario."""
    return general.latex(data, cells, lambda panel: title(panel[:1]))
