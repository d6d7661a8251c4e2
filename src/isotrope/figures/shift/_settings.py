"""Runs that differ in some settings alone, a row for each: what the figures of this form share."""

from collections.abc import Mapping, Sequence

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
from isotrope.results.style import blank, styles_of

WIDTH = "model.width"  # column of runs.csv: channels of the first stage
PUBLISHED_WIDTH = 64
BLOCKS = ("model.", "dataset.", "training.")  # begin the columns of runs.csv that hold settings


def draw_settings(
    tables: Tables, first: str, settings: Mapping[str, str], none: str
) -> tuple[Figure, pandas.DataFrame]:
    """Accuracy and consistency of the runs and points that differ in some settings alone.

    Args:
        tables: ``runs``, ``accuracy``, ``shift_consistency`` and ``shift_accuracy``.
        first: the column of ``runs.csv`` in which at least two of them must differ.
        settings: columns of ``runs.csv`` that tell rows apart, ``first`` among them, and how a
            value is said, as in ``{} logits``. One that is the same in a whole group of rows is
            said in its title.
        none: what is said where there is no such run.

    Returns:
        The figure, and what it shows: a row per panel, series and metric with the column
        ``setting``, in percent.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows, protocols = rows_of(tables)
    known = pandas.DataFrame({column: _words(rows, column) for column in settings})
    rows = rows.assign(alike=_else(rows, tables.panel, settings), first=known[first])
    several = rows.groupby("alike")["first"].transform("nunique").gt(1)
    rows = rows[known[first].ne("") & several]
    if rows.empty:
        nothing = pandas.DataFrame(columns=[*tables.panel, "name", "setting", "metric", "mean"])
        return blank(none), nothing
    cells, style, groups, found = tables.cells, styles_of(tables), [], []
    for panel in cells.panels(rows):
        for _, its in cells.rows_in(rows, [panel]).groupby("alike", sort=False):
            words = known.loc[its.index]
            fixed = [name for name in settings if name != first and words[name].nunique() == 1]
            its = its.assign(setting=_said(words.drop(columns=fixed), settings))
            same = its.groupby("setting")["name"].transform("min")
            ours = means_of(its[its["name"].eq(same)], tables, ["setting", "metric"])
            labels = ours.drop_duplicates("name").set_index("name")["setting"].sort_values()
            shared = _said(words[fixed], settings).iloc[0]
            title = "; ".join(filter(None, (cells.title(panel), _width(its), shared)))
            groups.append(Group(title, list(labels.index), ours, labels=list(labels)))
            found.append(ours)
    sentences = [
        f"{protocols_said(protocols)} {box_of(tables)}",
        *origin(rows, found[0].iloc[:0], tables),
        *lost_seeds(rows, tables),
    ]
    figure = draw_columns(groups, MEASURES, style, sentences, letters=26)
    return figure, measured_and_published(pandas.concat(found), found[0].iloc[:0])


def _else(
    rows: pandas.DataFrame, panel: Sequence[str], settings: Mapping[str, str]
) -> pandas.Series:
    """All that a run says beside these settings."""
    fixed = [one for one in map(str, rows) if one.startswith(BLOCKS) and one not in settings]
    known = pandas.DataFrame({column: _words(rows, column) for column in [*panel, *fixed]})
    return known.apply(" ".join, axis="columns")


def _said(words: pandas.DataFrame, settings: Mapping[str, str]) -> pandas.Series:
    """The settings of each row in words."""
    said = pandas.Series("", words.index, dtype="str")
    for column in words:
        more = words[column].map(settings[str(column)].format).where(words[column].ne(""), "")
        said = said + (", " + more).where(more.ne("") & said.ne(""), more)
    return said


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
    return f"width {', '.join(reduced)} of the published {PUBLISHED_WIDTH}" if reduced else ""
