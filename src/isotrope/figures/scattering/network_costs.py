"""What the networks of the study cost: parameters, products, time of a step and answer, memory.

Drawn from the table that ``benchmarks/scattering_costs.py`` writes.
"""

import pandas
from matplotlib.figure import Figure

from isotrope.figures.general._columns import Column
from isotrope.figures.general._costs import costs_of, draw_costs, typeset_costs
from isotrope.files.tables import Columns
from isotrope.results.cells import Cells
from isotrope.results.series import Tables
from isotrope.results.style import look

TITLE = "What each network costs"
TABLES = ("network_costs",)
COLUMNS = {"network_costs": {"data": "text", "network": "text"}}
LATEX = True
CAPTION = (
    "Parameters, products of numbers for one image (in convolutions and products of matrices; "
    "Fourier transforms and filters of a scattering transform are not counted), time of a training "
    "step and of an answer, and memory of a training step. The same numbers are in the CSV and "
    "LaTeX files beside it."
)
DATA: Columns = {"name": "text", "metric": "text", "mean": "number"}

MEASURES = (
    Column("parameters", "Parameters", "millions", ".2f", low=0),
    Column("megaproducts", "Products", "millions", ",.0f", low=0),
    Column("training_milliseconds", "Step", "ms", ",.0f", low=0),
    Column("inference_milliseconds", "Answer", "ms", ",.0f", low=0),
    Column("memory", "Memory", "MiB", ",.0f", low=0),
)


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``network_costs``.

    Returns:
        The figure, and a row per size of images (``place``), network and metric, for any number of
        training images; parameters in millions.

    Raises:
        UserError: if the table has none of the metrics.
    """
    costs = costs_of(
        tables, "network_costs", "scattering_costs.py", "data", "network", MEASURES
    ).assign(samples="")
    figure = draw_costs(costs, MEASURES)
    return figure, costs[[*tables.panel, "name", "metric", "mean", "n", "run"]]


def latex(data: pandas.DataFrame, cells: Cells) -> str:
    """The numbers of the figure as a LaTeX table; it needs the package booktabs."""
    del cells
    caption = "What each network costs."
    return typeset_costs(data, MEASURES, ("images", "network"), caption, "tab:network-costs")
