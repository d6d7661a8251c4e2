"""How well rods are covered, against their length."""

import pandas
from matplotlib.figure import Figure
from plugins.figures.rods._lengths import draw_by_length

from isotrope.results.series import Tables
from isotrope.results.style import look

TITLE = "Overlap by length"
TABLES = ("runs", "overlap")
COLUMNS = {"runs": {"training.epochs": "number"}, "overlap": {"length": "number"}}
CAPTION = "Intersection over union of rods and what is taken for them. Hollow: published."


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """The figure, and a row per panel, series, origin and length."""
    return draw_by_length(tables, "overlap", "iou", "Overlap (%)")
