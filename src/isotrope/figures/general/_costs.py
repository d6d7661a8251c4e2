"""What networks cost, out of the table of a benchmark: what the figures of such tables share."""

import math
from collections.abc import Sequence

import pandas
from matplotlib.figure import Figure

from isotrope.errors import UserError
from isotrope.figures.general._columns import Column, Group, draw_columns
from isotrope.results.series import Tables
from isotrope.results.style import styles

IN_MILLIONS = ("parameters", "logit_parameters")


def costs_of(
    tables: Tables, table: str, benchmark: str, place: str, name: str, measures: Sequence[Column]
) -> pandas.DataFrame:
    """The rows of a table of costs as `draw_costs` takes them, parameters in millions.

    Args:
        tables: the tables.
        table: which one.
        benchmark: the program that writes it, for the message.
        place: its column that tells what is measured together.
        name: its column that tells what is compared.
        measures: the metrics that are drawn.

    Raises:
        UserError: if the table has none of the metrics.
    """
    costs = tables[table]
    if not costs["metric"].isin([column.metric for column in measures]).any():
        raise UserError(
            f"{table}.csv has none of the costs; run `benchmarks/{benchmark}` to write it again"
        )
    factor = costs["metric"].isin(IN_MILLIONS).map({True: 1e-6, False: 1.0})
    mean = costs["value"] * factor
    costs = costs.assign(place=costs[place], name=costs[name], mean=mean)
    return costs.assign(low=math.nan, high=math.nan, spread=math.nan)


def draw_costs(costs: pandas.DataFrame, measures: Sequence[Column]) -> Figure:
    """A row for each thing that is compared, and a column for each measure.

    Args:
        costs: from `costs_of`.
        measures: the columns.
    """
    groups = [
        Group(str(place), list(dict.fromkeys(rows["name"])), rows.assign(n=1))
        for place, rows in costs.groupby("place", sort=False)
    ]
    repeats = sorted({int(n) for n in costs.loc[costs["metric"].str.contains("milli"), "n"]})
    times = f"; times: median of {'-'.join(str(n) for n in repeats)}" if repeats else ""
    runs = "; ".join(dict.fromkeys(costs["run"]))
    style = styles(list(dict.fromkeys(costs["name"])))
    return draw_columns(groups, measures, style, [f"Measured: {runs}{times}."], "measured")


def typeset_costs(
    data: pandas.DataFrame,
    measures: Sequence[Column],
    heads: tuple[str, str],
    caption: str,
    label: str,
) -> str:
    """Costs as a LaTeX table; it needs the package booktabs.

    Args:
        data: columns place, name, metric and mean.
        measures: the columns.
        heads: what stands above the places and the names.
        caption: of the table.
        label: for references.
    """
    wide = data.pivot_table(index=["place", "name"], columns="metric", values="mean", sort=False)
    shown = [column for column in measures if column.metric in wide]
    lines = [
        [*key, *(f"{row[column.metric]:{column.form}}" for column in shown)]
        for key, (_, row) in zip(wide.index, wide.iterrows(), strict=True)
    ]
    titles = [f"{column.title} ({column.unit})" for column in shown]
    table = pandas.DataFrame(lines, columns=[*heads, *titles])
    text: str = (
        table.style.hide(axis="index")
        .format(escape="latex")
        .format_index(escape="latex", axis="columns")
        .to_latex(
            hrules=True,
            caption=caption,
            label=label,
            position="htbp",
            column_format="ll" + "r" * len(shown),
        )
    )
    return text
