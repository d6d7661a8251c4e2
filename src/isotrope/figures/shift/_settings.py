"""Runs that differ in some settings, a row for each value: what the figures of this form share."""

from collections.abc import Mapping

import pandas
from matplotlib.figure import Figure

from isotrope.figures.general._columns import Group, draw_columns
from isotrope.figures.general._shift_table import MEASURES, box_of, rows_of
from isotrope.figures.general._shifts import said as protocols_said
from isotrope.results.series import (
    Tables,
    lost_seeds,
    means_of,
    measured_and_published,
    origin,
)
from isotrope.results.style import blank, styles

WIDTH = "model.width"  # column of runs.csv: channels of the first stage
PUBLISHED_WIDTH = 64


def draw_settings(
    tables: Tables, first: str, settings: Mapping[str, str], none: str
) -> tuple[Figure, pandas.DataFrame]:
    """Accuracy and consistency of the runs of learnt phases that say a setting.

    Args:
        tables: ``runs``, ``accuracy``, ``shift_consistency`` and ``shift_accuracy``.
        first: the column of ``runs.csv`` that a run must have to be shown; each panel needs two
            values of it.
        settings: columns of ``runs.csv`` that tell rows apart, ``first`` among them, and how a
            value is said, as in ``{} logits``.
        none: what is said where there is no such run.

    Returns:
        The figure, and what it shows: a row per panel, series and metric with the column
        ``setting``, in percent.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows, protocols = rows_of(tables)
    words = {column: _words(rows, column) for column in settings}
    rows = rows[words[first].ne("")]
    if len(rows):
        rows = rows[rows.groupby(tables.panel)[first].transform("nunique").gt(1)]
    if rows.empty:
        nothing = pandas.DataFrame(columns=[*tables.panel, "name", "setting", "metric", "mean"])
        return blank(none), nothing
    said = pandas.Series("", rows.index, dtype="str")
    for column, form in settings.items():
        known = words[column].loc[rows.index]
        more = known.map(form.format).where(known.ne(""), "")
        said = said + (", " + more).where(more.ne("") & said.ne(""), more)
    rows = rows.assign(setting=said)
    means = means_of(rows, tables, ["setting", "metric"])
    cells, style, groups = tables.cells, styles(tables.names), []
    for panel in cells.panels(rows):
        ours = cells.rows_in(means, [panel])
        labels = ours.drop_duplicates("name").set_index("name")["setting"].sort_values()
        title = f"{cells.title(panel)}{_width(cells.rows_in(rows, [panel]))}"
        groups.append(Group(title, list(labels.index), ours, labels=list(labels)))
    sentences = [
        f"{protocols_said(protocols)} {box_of(tables)}",
        *origin(rows, means.iloc[:0], tables),
        *lost_seeds(rows, tables),
    ]
    figure = draw_columns(groups, MEASURES, style, sentences, letters=26)
    return figure, measured_and_published(means, means.iloc[:0])


def _words(rows: pandas.DataFrame, column: str) -> pandas.Series:
    """A column of settings as words; empty where a run does not say it, or none does."""
    if column not in rows:
        return pandas.Series("", rows.index, dtype="str")
    found = rows[column]
    whole = found.map(lambda value: f"{value:g}" if isinstance(value, float) else str(value))
    return whole.astype("str").where(found.notna(), "").str.removesuffix("None")


def _width(rows: pandas.DataFrame) -> str:
    """How wide the networks are, where that is less than the published width."""
    if WIDTH not in rows:
        return ""
    found = sorted({int(width) for width in pandas.to_numeric(rows[WIDTH]).dropna()})
    reduced = [str(width) for width in found if width != PUBLISHED_WIDTH]
    return f"; width {', '.join(reduced)} of the published {PUBLISHED_WIDTH}" if reduced else ""
