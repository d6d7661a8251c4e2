"""Mean IoU and both consistencies of segmentation: a row for each network.

Table 4 of the paper, as far as its numbers could be verified, with ours.
"""

import pandas
from matplotlib.figure import Figure

from isotrope.figures.general._columns import Column, Group, draw_columns
from isotrope.results.published import published_beside
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

TITLE = "Segmentation: mean IoU and consistency"
TABLES = ("runs", "segmentation")
COLUMNS = {"runs": {"training.epochs": "number"}, "segmentation": {}}
CAPTION = (
    "Mean IoU of segmentations, and the share of pixels that keep their class where the image is "
    "shifted: circularly (mASCC), and off the canvas, where only what both show is compared "
    "(mASSC). Solid: mean over seeds with its 95 % interval (Student's t), in words and as a "
    "bar. Hollow and in brackets: published."
)

MEASURES = (
    Column("mean_iou", "Mean IoU", "%"),
    Column("mascc", "mASCC", "% of pixels", ".2f", high=100, best=100),
    Column("mascc_worst", "mASCC, worst shift", "% of pixels", ".2f", high=100, best=100),
    Column("massc", "mASSC", "% of pixels", ".2f", high=100, best=100),
)
PROTOCOLS = ("published", "each")  # of consistency, the one to show first


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``segmentation``.

    Returns:
        The figure, and what it shows: a row per panel, series, metric and origin, in percent.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    cells, table = tables.cells, tables["segmentation"]
    protocols = set(table.get("protocol", pandas.Series(dtype="str")).dropna())
    protocol = next((one for one in PROTOCOLS if one in protocols), "")
    found = []
    for column in MEASURES:
        if column.metric != "mean_iou" and not table["metric"].eq(column.metric).any():
            continue
        rows = measured(tables, "segmentation", column.metric)
        if column.metric == "mean_iou":
            rows = rows.assign(value=100 * rows["value"])
        elif protocol:
            rows = rows[rows["protocol"].eq(protocol)]
        found.append(rows.assign(metric=column.metric))
    rows = pandas.concat(found, ignore_index=True)
    means = means_of(rows, tables, ["metric"])
    theirs = [_published(means, tables, column.metric) for column in MEASURES]
    beside = pandas.concat([one for one in theirs if len(one)] or theirs[:1], ignore_index=True)
    groups = []
    for panel in cells.panels(rows):
        ours, published = (cells.rows_in(frame, [panel]) for frame in (means, beside))
        groups.append(Group(cells.title(panel), cells.names(ours), ours, published))
    sentences = [
        f"Bars and ±: 95 % interval of the mean, from {FEWEST} seeds on.",
        *([f"Consistency: protocol {protocol}."] if protocol else []),
        *origin(rows, beside, tables),
        *lost_seeds(rows, tables),
    ]
    figure = draw_columns(groups, MEASURES, styles_of(tables), sentences)
    return figure, measured_and_published(means, beside)


def _published(means: pandas.DataFrame, tables: Tables, metric: str) -> pandas.DataFrame:
    """Published means of a metric, in percent."""
    rows = published_beside(means, tables, "segmentation", metric).assign(metric=metric)
    if metric != "mean_iou":
        return rows
    return rows.assign(mean=100 * rows["mean"], spread=100 * rows["spread"])
