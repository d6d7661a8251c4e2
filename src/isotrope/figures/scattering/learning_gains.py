"""What learning the filters gains: accuracy of learned minus fixed filters, seed by seed.

Both networks of a pair have seen the same training images, so that the difference is better known
than either accuracy. Published gains are differences of published means.
"""

import pandas
from matplotlib.figure import Figure

from isotrope.figures.scattering._arms import (
    FIXED,
    GAIN,
    accuracy_rows,
    draw_arms,
    means_with_gains,
    nothing,
    published_arms,
)
from isotrope.results.series import Tables, measured_and_published
from isotrope.results.style import look

TITLE = "What learning the filters gains"
TABLES = ("runs", "accuracy")
COLUMNS = {"runs": {"training.epochs": "number"}, "accuracy": {}}
CAPTION = (
    "Test accuracy with learned filters minus that with fixed ones, of the same seeds and so the "
    "same training images, by the number of these images. Solid: mean over seeds, with its "
    "95 % interval (Student's t), in words and as a bar. Hollow: the "
    "difference of published means. Line: no gain."
)

NONE = "no network here was trained with learned and with fixed filters"


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``accuracy``.

    Returns:
        The figure, and a row per panel and series with learned filters: the gain in points.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows = accuracy_rows(tables)
    means = means_with_gains(rows, tables)
    ours = means.dropna(subset=["gain"])
    if ours.empty:
        return nothing(tables, NONE)
    ours = ours.assign(**{name: ours[column] for name, column in GAIN.items()})
    ours = ours.drop(columns=["error", *GAIN.values()])
    theirs = _published(means, ours, tables)
    drawn = rows[rows["name"].isin(ours["name"])]
    figure = draw_arms(drawn, ours, theirs, tables, "Gain (points)", zero=True)
    return figure, measured_and_published(ours, theirs)


def _published(means: pandas.DataFrame, ours: pandas.DataFrame, tables: Tables) -> pandas.DataFrame:
    """Differences of published means."""
    form = "variant.parameterization"
    others = [column for column in tables.cells.variant if column != form]
    facts = tables.runs.drop_duplicates([*tables.panel, "name"])
    facts = facts[[*tables.panel, "name", *others, form]]
    known = published_arms(means, tables).merge(facts, on=[*tables.panel, "name"])
    key = [*tables.panel, "model", *others]
    fixed = known[known[form].eq(FIXED)].drop_duplicates(key)[[*key, "mean"]]
    both = known[known[form].ne(FIXED)].merge(fixed.rename(columns={"mean": "twin"}), on=key)
    both = both.assign(mean=both["mean"] - both["twin"], spread=float("nan"))
    kept = [*tables.panel, "name", "model", "mean", "spread", "n", "source", "origin"]
    return both.merge(ours[[*tables.panel, "name"]], on=[*tables.panel, "name"])[kept]
