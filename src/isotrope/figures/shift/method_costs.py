"""What each form of downsampling costs: parameters, operations, time of a step and of an answer.

Drawn from the table that ``benchmarks/shift_costs.py`` writes.
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
FACTORS = {"parameters": 1e-6, "logit_parameters": 1e-6}


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
    costs = tables["method_costs"]
    factors = costs["metric"].map(lambda metric: FACTORS.get(metric, 1.0))
    costs = costs.assign(
        place=costs["network"], name=costs["method"], mean=costs["value"] * factors
    )
    costs = costs.assign(low=math.nan, high=math.nan, spread=math.nan)
    if not costs["metric"].isin([column.metric for column in MEASURES]).any():
        raise UserError(
            "method_costs.csv has none of the costs; run `benchmarks/shift_costs.py` to write it "
            "again"
        )
    groups = [
        Group(str(network), list(dict.fromkeys(rows["name"])), rows.assign(n=1))
        for network, rows in costs.groupby("place", sort=False)
    ]
    repeats = sorted({int(n) for n in costs.loc[costs["metric"].str.contains("milli"), "n"]})
    times = f"; times: median of {'-'.join(str(n) for n in repeats)}" if repeats else ""
    runs = "; ".join(dict.fromkeys(costs["run"]))
    style = styles(list(dict.fromkeys(costs["name"])))
    figure = draw_columns(groups, MEASURES, style, [f"Measured: {runs}{times}."], "measured")
    return figure, costs[["place", "name", "metric", "mean", "n", "run"]]


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
    table = pandas.DataFrame(lines, columns=["network", "method", *header])
    text: str = (
        table.style.hide(axis="index")
        .format(escape="latex")
        .format_index(escape="latex", axis="columns")
        .to_latex(
            hrules=True,
            caption="What each form of downsampling costs.",
            label="tab:method-costs",
            position="htbp",
            column_format="ll" + "r" * len(shown),
        )
    )
    return text
