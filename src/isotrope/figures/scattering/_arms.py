"""Accuracy of every series by number of training images, and what learning the filters gains.

A *gain* is the accuracy of a network whose filters are learned minus that of the same network with
fixed filters: of the same model, data, number of images, scales and initialization, seed by seed,
so that both have seen the same images.
"""

import math
from collections.abc import Sequence

import pandas
from matplotlib.figure import Figure

from isotrope.figures.general._columns import Column, Group, draw_columns
from isotrope.results.published import published_rows
from isotrope.results.series import Tables, lost_seeds, means_of, measured, origin
from isotrope.results.statistics import FEWEST, summarise
from isotrope.results.style import blank, styles_of

FIXED = "fixed"
ALL = "all"  # the number of images of a run that takes all
GAIN = {
    "mean": "gain",
    "low": "gain_low",
    "high": "gain_high",
    "spread": "gain_spread",
    "n": "pairs",
}


def accuracy_rows(tables: Tables) -> pandas.DataFrame:
    """Every seed's accuracy in percent, with the columns of runs.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows = measured(tables, "accuracy", "accuracy")
    return rows.assign(value=100 * rows["value"])


def means_with_gains(rows: pandas.DataFrame, tables: Tables) -> pandas.DataFrame:
    """Means over seeds in percent, with ``error`` (of the mean) and the gain where there is one."""
    means = means_of(rows, tables)
    means = means.assign(error=means["spread"] / means["n"] ** 0.5)
    found = summarise(_pairs(rows, tables), [*tables.panel, "name"])
    found = found.rename(columns=GAIN)[[*tables.panel, "name", *GAIN.values()]]
    return means.merge(found, on=[*tables.panel, "name"], how="left")


def _pairs(rows: pandas.DataFrame, tables: Tables) -> pandas.DataFrame:
    """The gain of every seed of a series with learned filters that has a twin with fixed ones."""
    form = "variant.parameterization"
    others = [column for column in tables.cells.variant if column != form]
    key = [*tables.panel, "model", *others, "seed"]
    known = rows[rows[form].ne("")]
    fixed = known[known[form].eq(FIXED)].drop_duplicates(key)[[*key, "value"]]
    learned = known[known[form].ne(FIXED)]
    both = learned.merge(fixed.rename(columns={"value": "twin"}), on=key)
    return both.assign(value=both["value"] - both["twin"])


def published_arms(means: pandas.DataFrame, tables: Tables) -> pandas.DataFrame:
    """Published accuracies of the series that are drawn, in percent, also at other sizes."""
    variant = tables.cells.variant
    rows = published_rows(tables.published, tables.cells, "accuracy", ["accuracy"])
    key = ["place", "model", *variant]
    runs = tables.runs[tables.runs["name"].isin(means["name"])]
    rows = rows.merge(names_of_forms(runs, rows, key, tables), on=key)
    rows = rows.assign(mean=100 * rows["value"], spread=100 * rows["spread"], origin="published")
    rows = rows.assign(error=rows["spread"] / rows["n"] ** 0.5)
    kept = ["name", "model", "mean", "spread", "error", "n", "source", "origin"]
    return rows.drop_duplicates([*tables.panel, "name"])[[*tables.panel, *kept]]


def names_of_forms(
    rows: pandas.DataFrame, theirs: pandas.DataFrame, key: Sequence[str], tables: Tables
) -> pandas.DataFrame:
    """The series of each form that published numbers stand beside, columns ``key`` and ``name``.

    Of several it is one that has a cell of its own among the published ones, then one of ``series:
    published``, and of these that with the most seeds.

    Args:
        rows: of seeds, with the columns of runs.
        theirs: from `published_rows`.
        key: what makes a form.
        tables: the tables.
    """
    cell = [*tables.panel, "model", *tables.cells.variant]
    same = rows.merge(theirs[cell].drop_duplicates(), on=cell)
    found = []
    for some in (same, rows):
        counted = some.assign(
            ours=some["series"].ne("published"),
            seeds=some.groupby("name")["name"].transform("size"),
        )
        ascending = [True, False]
        found.append(counted.sort_values(["ours", "seeds"], ascending=ascending, kind="stable"))
    return pandas.concat(found).drop_duplicates(list(key))[[*key, "name"]]


def draw_arms(
    rows: pandas.DataFrame,
    ours: pandas.DataFrame,
    theirs: pandas.DataFrame,
    tables: Tables,
    unit: str,
    zero: bool = False,
) -> Figure:
    """A row for each series and a column for each number of training images.

    Args:
        rows: of seeds, from `accuracy_rows`.
        ours: columns mean, low, high, spread and n.
        theirs: columns mean and spread.
        tables: the tables.
        unit: below the panels.
        zero: whether to draw a line at 0.
    """
    cells = tables.cells
    sizes = list(dict.fromkeys(panel[1] for panel in cells.panels(ours)))
    sizes.sort(key=lambda size: float(size) if size else math.inf)
    drawn = ours.loc[ours["n"].ge(FEWEST), "low"]  # intervals are
    below = pandas.concat([ours["mean"], drawn, theirs["mean"]]).dropna()
    least = float(below.min())
    ends = {"low": min(0.0, 1.2 * least), "best": 0.0} if zero else {}
    columns = [Column(size or ALL, f"{size or ALL} images", unit, ".1f", **ends) for size in sizes]
    groups = []
    for place in dict.fromkeys(panel[0] for panel in cells.panels(ours)):
        mine, beside = (
            frame[frame["place"].eq(place)].assign(metric=_metric(frame))
            for frame in (ours, theirs)
        )
        groups.append(Group(str(place), cells.names(mine), mine, beside))
    sentences = [
        *origin(rows, theirs, tables),
        f"Bars and ±: 95 % interval of the mean, from {FEWEST} seeds on.",
        *lost_seeds(rows, tables),
    ]
    return draw_columns(groups, columns, styles_of(tables), sentences, letters=26)


def _metric(frame: pandas.DataFrame) -> pandas.Series:
    return frame["samples"].where(frame["samples"].ne(""), ALL)


def nothing(tables: Tables, sentence: str) -> tuple[Figure, pandas.DataFrame]:
    """The figure and the numbers where there is nothing to draw."""
    columns = [
        *tables.panel,
        "name",
        "model",
        "mean",
        "error",
        "spread",
        "n",
        *GAIN.values(),
        "origin",
    ]
    return blank(sentence), pandas.DataFrame(columns=columns)


def typeset_arms(data: pandas.DataFrame, caption: str, label: str) -> str:
    """The numbers as a LaTeX table; it needs the package booktabs."""
    lines: list[Sequence[str]] = []
    published = data[data["origin"].eq("published")].set_index(["place", "samples", "name"])
    for row in data[data["origin"].eq("measured")].to_dict("records"):
        key = (row["place"], row["samples"], row["name"])
        beside = published.loc[[key]].iloc[0] if key in published.index else None
        gain = f"{row['gain']:+.2f}" if row["gain"] == row["gain"] else "--"
        if row["gain_low"] == row["gain_low"]:
            gain += f" [{row['gain_low']:+.2f}, {row['gain_high']:+.2f}]"
        lines.append(
            [
                str(row["place"]),
                str(row["name"]),
                str(row["samples"] or ALL),
                _with_error(row["mean"], row["error"]),
                f"{row['spread']:.2f}" if row["spread"] == row["spread"] else "--",
                f"{row['n']:.0f}",
                gain,
                "--" if beside is None else _with_error(beside["mean"], beside["error"]),
            ]
        )
    header = ["data", "network", "images", "mean", "SD", "seeds", "gain", "published"]
    table = pandas.DataFrame(lines, columns=header)
    text: str = (
        table.style.hide(axis="index")
        .format(escape="latex")
        .to_latex(
            hrules=True,
            caption=caption,
            label=label,
            position="htbp",
            column_format="llrrrrrr",
        )
    )
    return text


def _with_error(mean: float, error: float) -> str:
    return f"{mean:z.2f} ± {error:.2f}" if error == error else f"{mean:z.2f}"
