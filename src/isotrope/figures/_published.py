"""Published numbers in the places, and under the names, of what is measured beside them."""

from collections.abc import Sequence

import pandas

from isotrope.figures._series import PLACE, in_order, places


def published_at(published: pandas.DataFrame, table: str, at: tuple[str, str]) -> pandas.DataFrame:
    """The published accuracies of a table in one place, with ``scale`` (pixels) where given."""
    rows = published[published["table"].eq(table) & published["dataset"].eq(at[0])]
    settings = rows["setting"].str.extract(
        r"(?:^|,)scenario=(?P<scenario>\w+)(?:,scale=(?P<scale>\d+))?"
    )
    rows = rows[rows["metric"].eq("accuracy")].join(settings)
    return rows[rows["scenario"].fillna("").eq(at[1])].assign(
        scale=lambda found: pandas.to_numeric(found["scale"])
    )


def published_beside(
    means: pandas.DataFrame, published: pandas.DataFrame, table: str
) -> pandas.DataFrame:
    """The published means of every model in the places where it is drawn.

    They take the name, and so the colour, of the model's first series there.
    """
    series = means.drop_duplicates([*PLACE, "model"])[[*PLACE, "name", "model"]]
    found = [
        published_at(published, table, at).merge(
            series[series["place"].eq(at[0])], on=["scenario", "model"]
        )
        for at in places(means)
    ]
    rows = pandas.concat(found, ignore_index=True).rename(columns={"value": "mean"})
    kept = [*PLACE, "name", "model", "scale", "mean", "spread", "n", "source"]
    return rows[kept].sort_values([*PLACE, "name", "scale"]).assign(origin="published")


def published_cells(
    means: pandas.DataFrame, published: pandas.DataFrame, table: str, metrics: Sequence[str]
) -> pandas.DataFrame:
    """Published numbers of every model in the places where it is drawn, a column for each metric.

    They take the name of the model's first series there. ``n`` and ``source`` are those of the
    first metric; a cell without one of the metrics has NaN.
    """
    series = means.drop_duplicates([*PLACE, "model"])[[*PLACE, "name", "model"]]
    rows = published[published["table"].eq(table) & published["metric"].isin(metrics)]
    rows = rows.assign(scenario=rows["setting"].str.extract(r"^scenario=(\w+)$", expand=False))
    rows = rows.rename(columns={"dataset": "place"})
    at = [*PLACE, "model"]
    values = rows.pivot_table(index=at, columns="metric", values="value", observed=True)
    values = values.reindex(columns=list(metrics)).reset_index()
    values.columns.name = None
    facts = rows[rows["metric"].eq(metrics[0])][[*at, "n", "source"]]
    found = values.merge(facts, on=at).merge(series, on=at)
    order = {name: i for i, name in enumerate(in_order(series))} if len(series) else {}
    return found.sort_values(
        [*PLACE, "name"], key=lambda column: column.map(order) if column.name == "name" else column
    ).assign(origin="published")
