"""Published numbers in the panels, and under the names, of what is measured beside them.

The published ``setting`` holds ``key=value`` pairs, separated by commas: the settings of a panel
(``Cells.settings``), the variant of the model (``Cells.variants``) and the settings of an
evaluation, as its table has them.
"""

from collections.abc import Sequence

import pandas

from isotrope.results.cells import Cells
from isotrope.results.series import Tables


def pairs_of(setting: str) -> dict[str, str]:
    """The pairs of a published setting: ``size=3,angle=90`` is size 3 and angle 90."""
    pairs = (pair.partition("=") for pair in setting.split(","))
    return {key.strip(): value.strip() for key, sign, value in pairs if sign}


def published_rows(
    published: pandas.DataFrame,
    cells: Cells,
    table: str,
    metrics: Sequence[str],
    settings: Sequence[str] = (),
) -> pandas.DataFrame:
    """Published numbers of a table with the columns of panels, variants and an evaluation.

    A row with a setting that is not asked for belongs to no panel, nor does one that lacks a
    setting of the evaluation. Settings of the evaluation are numbers where all of them are.
    """
    rows = published[published["table"].eq(table) & published["metric"].isin(metrics)]
    pairs = [pairs_of(setting) for setting in rows["setting"]]
    known = {*cells.settings, *cells.variants, *settings}
    fits = [set(settings) <= found.keys() <= known for found in pairs]
    rows, pairs = rows.loc[fits], [found for found, fit in zip(pairs, fits, strict=True) if fit]
    rows = rows.rename(columns={"dataset": "place"}).drop(columns="setting")
    words = {name: name for name in cells.settings}
    words |= dict(zip(cells.variant, cells.variants, strict=True))
    for column, name in words.items():
        rows[column] = pandas.Series(
            [found.get(name, "") for found in pairs], rows.index, dtype="str"
        )
    for name in settings:
        values = pandas.Series([found[name] for found in pairs], rows.index, dtype="str")
        numbers = pandas.to_numeric(values, errors="coerce")
        rows[name] = values if numbers.isna().any() else numbers
    return rows


def published_beside(
    means: pandas.DataFrame,
    tables: Tables,
    table: str,
    metric: str = "accuracy",
    settings: Sequence[str] = (),
) -> pandas.DataFrame:
    """The published means of every model in the panels where it is drawn.

    They take the name, and so the colour, of the model's first series there.
    """
    panel, keys = tables.panel, [*tables.panel, "model", *tables.cells.variant]
    rows = published_rows(tables.published, tables.cells, table, [metric], settings)
    rows = rows.merge(_first_series(means, tables), on=keys).rename(columns={"value": "mean"})
    kept = [*panel, "name", "model", *settings, "mean", "spread", "n", "source"]
    return rows[kept].sort_values([*panel, "name", *settings]).assign(origin="published")


def published_cells(
    means: pandas.DataFrame, tables: Tables, table: str, metrics: Sequence[str]
) -> pandas.DataFrame:
    """Published numbers of every model in the panels where it is drawn, a column for each metric.

    They take the name of the model's first series there. ``n`` and ``source`` are those of the
    first metric; a cell without one of the metrics has NaN.
    """
    panel, keys = tables.panel, [*tables.panel, "model", *tables.cells.variant]
    series = _first_series(means, tables)
    rows = published_rows(tables.published, tables.cells, table, metrics)
    values = rows.pivot_table(index=keys, columns="metric", values="value", observed=True)
    values = values.reindex(columns=list(metrics)).reset_index()
    values.columns.name = None
    facts = rows[rows["metric"].eq(metrics[0])][[*keys, "n", "source"]]
    found = values.merge(facts, on=keys).merge(series, on=keys)
    order = {name: i for i, name in enumerate(tables.cells.names(series))} if len(series) else {}
    return found.sort_values(
        [*panel, "name"], key=lambda column: column.map(order) if column.name == "name" else column
    ).assign(origin="published")


def _first_series(means: pandas.DataFrame, tables: Tables) -> pandas.DataFrame:
    """The first series of each variant of a model in each panel, with its name."""
    series = means.drop_duplicates([*tables.panel, "name", "model"])
    series = series[[*tables.panel, "name", "model"]]
    if variant := tables.cells.variant:
        known = tables.runs.drop_duplicates([*tables.panel, "name", "model"])
        series = series.merge(known[[*series.columns, *variant]], on=list(series.columns))
    return series.drop_duplicates([*tables.panel, "model", *variant])
