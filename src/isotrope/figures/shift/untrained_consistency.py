"""Shift consistency before and after training: what is built in, and what is learned."""

import pandas
from matplotlib.figure import Figure

from isotrope.figures.general._columns import Column, Group, draw_columns
from isotrope.figures.general._shifts import KINDS, of_protocols, said
from isotrope.results.series import (
    Tables,
    lost_seeds,
    means_of,
    measured,
    measured_and_published,
    origin,
)
from isotrope.results.statistics import FEWEST
from isotrope.results.style import look, styles_of

TITLE = "Consistency before and after training"
TABLES = ("runs", "shift_consistency", "shift_consistency_untrained")
COLUMNS = {
    "runs": {"training.epochs": "number"},
    "shift_consistency": {"protocol": "text", "padding": "text"},
    "shift_consistency_untrained": {"protocol": "text", "padding": "text"},
}
CAPTION = (
    "The share of pairs of shifted copies of an image that are answered alike, by the networks as "
    "their training began and after it. An exact network has 100 % from the beginning; an "
    "untrained one often answers all images alike, which is consistent, too. Solid: mean over "
    "seeds with its 95 % interval (Student's t), in words and as a bar."
)

STATES = {"shift_consistency_untrained": "untrained", "shift_consistency": "trained"}
MEASURES = tuple(
    Column(f"{padding}, {state}", f"{padding.capitalize()}, {state}", "%", high=100, best=100)
    for padding in KINDS
    for state in STATES.values()
)


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, ``shift_consistency`` and ``shift_consistency_untrained``.

    Returns:
        The figure, and what it shows: a row per panel, series and metric, in percent.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    cells, found = tables.cells, []
    protocols: list[str] = []
    for table, state in STATES.items():
        rows, named = of_protocols(measured(tables, table, "consistency"))
        protocols = protocols or named
        rows = rows[rows["padding"].isin(KINDS)]
        found.append(rows.assign(metric=rows["padding"] + f", {state}"))
    both = pandas.concat(found, ignore_index=True)
    series = [*tables.panel, "name"]
    untrained = pandas.MultiIndex.from_frame(found[0][series])
    both = both[pandas.MultiIndex.from_frame(both[series]).isin(untrained)]
    means = means_of(both, tables, ["metric"])
    groups = []
    for panel in cells.panels(both):
        ours = cells.rows_in(means, [panel])
        groups.append(Group(cells.title(panel), cells.names(ours), ours))
    sentences = [
        f"Bars and ±: 95 % interval of the mean, from {FEWEST} seeds on.",
        said(protocols),
        *origin(both, means.iloc[:0], tables),
        *lost_seeds(both, tables),
    ]
    figure = draw_columns(groups, MEASURES, styles_of(tables), sentences)
    return figure, measured_and_published(means, means.iloc[:0])
