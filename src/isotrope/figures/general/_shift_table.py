"""A row for each series with its accuracy and consistencies: what the tables of this form share."""

import math

import pandas

from isotrope.figures.general._columns import Column, words
from isotrope.figures.general._shifts import KINDS, PARTS, of_protocols
from isotrope.files.tables import Columns
from isotrope.results.cells import Cells
from isotrope.results.series import Tables, measured

COLUMNS = {
    "runs": {"training.epochs": "number"},
    "accuracy": {},
    "shift_consistency": {"protocol": "text", "padding": "text"},
    "shift_accuracy": {"kind": "text", "distance": "number"},
}
DATA: Columns = {
    "name": "text",
    "metric": "text",
    "mean": "number",
    "spread": "number",
    "n": "number",
    "origin": "text",
}
MEASURES = (
    Column("accuracy", "Accuracy", "%", high=100, best=100),
    Column("circular", "Circular consistency", "%", high=100, best=100),
    Column("standard", "Standard consistency", "%", high=100, best=100),
    Column("worst", "Worst shift of the box", "% right", high=100, best=100),
)
MORE = (  # in the table alone
    Column("worst_standard", "worst, standard"),
    Column("fidelity", "fidelity"),
    Column("fidelity_standard", "fidelity, standard"),
    Column("parameters", "parameters (M)", form=".2f"),
)
OF_BOX = {"circular": "", "standard": "_standard"}  # kinds of shifts, and what ends their names


def rows_of(tables: Tables) -> tuple[pandas.DataFrame, list[str]]:
    """A row for each seed and metric, in percent, and the protocols; parameters in millions."""
    overall = measured(tables, "accuracy", "accuracy")
    found = [overall.assign(metric="accuracy", value=100 * overall["value"])]
    pairs, protocols = of_protocols(measured(tables, "shift_consistency", "consistency"))
    pairs = pairs[pairs["padding"].isin(KINDS)]
    found.append(pairs.assign(metric=pairs["padding"]))
    for metric in ("worst", "fidelity"):
        rows = measured(tables, "shift_accuracy", metric)
        rows = rows[rows["kind"].isin(OF_BOX) & rows["distance"].isna()]
        rows = rows[rows.get("x", rows["distance"]).isna()]
        names = metric + rows["kind"].map(OF_BOX)
        found.append(rows.assign(metric=names, value=100 * rows["value"]))
    parts = measured(tables, "shift_accuracy", "consistency")
    parts = parts[parts["kind"].isin(PARTS) & parts["distance"].gt(0)]
    sizes = parts["distance"].map("{:g} px".format).astype("str")  # maybe there are none
    found.append(parts.assign(metric=parts["kind"] + ", " + sizes))
    if "parameters" in overall:
        counts = pandas.to_numeric(overall["parameters"], errors="coerce") / 1e6
        found.append(overall.assign(metric="parameters", value=counts))
    return pandas.concat(found, ignore_index=True).dropna(subset=["value"]), protocols


def box_of(tables: Tables) -> str:
    """A sentence on the box of shifts."""
    rows = tables["shift_accuracy"]
    reach = rows.loc[rows["kind"].isin(OF_BOX), "distance"].max()
    return f"Box: shifts of at most {reach:g} pixels."


def typeset(data: pandas.DataFrame, cells: Cells, caption: str, label: str) -> str:
    """The numbers of a figure as a LaTeX table; it needs the package booktabs."""
    found = set(data["metric"])
    parts = sorted(metric for metric in found if metric.partition(",")[0] in PARTS)
    known = (*MEASURES, *(Column(metric, metric) for metric in parts), *MORE)
    columns = [one for one in known if one.metric in found]
    lines = []
    for key, its in data.groupby([*cells.panel, "name", "origin"], sort=False):
        *panel, name, origin_ = (str(word) for word in key)
        at = {row["metric"]: row for row in its.to_dict("records")}
        numbers = [_words(at.get(column.metric), column) for column in columns]
        lines.append([cells.title(tuple(panel)), name, origin_, *numbers])
    header = ["data", "network", "", *(_small(column.title) for column in columns)]
    table = pandas.DataFrame(lines, columns=header)
    styled = table.style.hide(axis="index").format(escape="latex")
    text: str = styled.format_index(escape="latex", axis="columns").to_latex(
        hrules=True,
        caption=caption,
        label=label,
        position="htbp",
        column_format="lll" + "r" * len(columns),
    )
    return text


def _small(title: str) -> str:
    """A title with a small first letter."""
    return title[:1].lower() + title[1:]


def _words(row: dict[object, object] | None, column: Column) -> str:
    """A mean with its standard deviation; a dash where there is none."""
    if row is None:
        return "--"
    mean, spread = (float(str(row[name])) for name in ("mean", "spread"))
    return "--" if math.isnan(mean) else words(mean, spread, column.form)
