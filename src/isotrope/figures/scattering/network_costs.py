"""What the networks of the study cost: parameters, products, time of a step and answer, memory.

Drawn from the table that ``benchmarks/scattering_costs.py`` writes.
"""

import math

import pandas
from matplotlib.figure import Figure

from isotrope.errors import UserError
from isotrope.figures.general._columns import Column, Group, draw_columns
from isotrope.files.tables import Columns
from isotrope.results.cells import Cells
from isotrope.results.series import Tables
from isotrope.results.style import look, styles

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
    costs = tables["network_costs"]
    costs = costs[costs["metric"].isin([column.metric for column in MEASURES])]
    if costs.empty:
        raise UserError(
            "network_costs.csv has none of the costs; run `benchmarks/scattering_costs.py` to "
            "write it again"
        )
    millions = costs["metric"].eq("parameters").map({True: 1e-6, False: 1.0})
    costs = costs.assign(place=costs["data"], name=costs["network"], mean=costs["value"] * millions)
    costs = costs.assign(samples="", low=math.nan, high=math.nan, spread=math.nan)
    groups = [
        Group(str(place), list(dict.fromkeys(rows["name"])), rows.assign(n=1))
        for place, rows in costs.groupby("place", sort=False)
    ]
    runs = "; ".join(dict.fromkeys(costs["run"]))
    style = styles(list(dict.fromkeys(costs["name"])))
    figure = draw_columns(groups, MEASURES, style, [f"Measured: {runs}."], "measured")
    return figure, costs[[*tables.panel, "name", "metric", "mean", "n", "run"]]


def latex(data: pandas.DataFrame, cells: Cells) -> str:
    """The numbers of the figure as a LaTeX table; it needs the package booktabs."""
    del cells
    wide = data.pivot_table(index=["place", "name"], columns="metric", values="mean", sort=False)
    shown = [column for column in MEASURES if column.metric in wide]
    lines = [
        [*key, *(f"{row[column.metric]:{column.form}}" for column in shown)]
        for key, (_, row) in zip(wide.index, wide.iterrows(), strict=True)
    ]
    header = [f"{column.title} ({column.unit})" for column in shown]
    table = pandas.DataFrame(lines, columns=["images", "network", *header])
    text: str = (
        table.style.hide(axis="index")
        .format(escape="latex")
        .to_latex(
            hrules=True,
            caption="What each network costs.",
            label="tab:network-costs",
            position="htbp",
            column_format="ll" + "r" * len(shown),
        )
    )
    return text
