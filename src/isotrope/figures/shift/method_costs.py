"""What each form of downsampling costs: parameters, operations, time of a step and of an answer.

Drawn from the table that ``benchmarks/shift_costs.py`` writes.
"""

import pandas
from matplotlib.figure import Figure

from isotrope.figures.general._columns import Column
from isotrope.figures.general._costs import costs_of, draw_costs, typeset_costs
from isotrope.files.tables import Columns
from isotrope.results.cells import Cells
from isotrope.results.series import Tables
from isotrope.results.style import look

TITLE = "What each form of downsampling costs"
TABLES = ("method_costs",)
COLUMNS = {"method_costs": {"network": "text", "method": "text"}}
LATEX = True
CAPTION = (
    "Parameters, operations for one image (two for each multiplication and addition in "
    "convolutions and products), time of a training step and of an answer of a residual network, "
    "by what stands where a stride was. LPS: default, small and tiny logit networks. The same "
    "numbers are in the CSV and LaTeX files beside it."
)
DATA: Columns = {"name": "text", "metric": "text", "mean": "number"}

MEASURES = (
    Column("parameters", "Parameters", "millions", ".2f", low=0),
    Column("megaflops", "Operations", "millions an image", ",.0f", low=0),
    Column("training_milliseconds", "Training step", "ms", ",.0f", low=0),
    Column("inference_milliseconds", "Inference", "ms", ",.0f", low=0),
)


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``method_costs``.

    Returns:
        The figure, and what it shows: a row per network (``place``), method and metric; parameters
        in millions.

    Raises:
        UserError: if the table has none of the metrics.
    """
    costs = costs_of(tables, "method_costs", "shift_costs.py", "network", "method", MEASURES)
    figure = draw_costs(costs, MEASURES)
    return figure, costs[["place", "name", "metric", "mean", "n", "run"]]


def latex(data: pandas.DataFrame, cells: Cells) -> str:
    """The numbers of the figure as a LaTeX table; it needs the package booktabs."""
    del cells
    caption = "What each form of downsampling costs."
    return typeset_costs(data, MEASURES, ("network", "method"), caption, "tab:method-costs")
