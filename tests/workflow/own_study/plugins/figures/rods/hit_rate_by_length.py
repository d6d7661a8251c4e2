"""How often the networks are right, against the length of the rod."""

import pandas
from matplotlib.figure import Figure
from plugins.figures.rods._lengths import draw_by_length

from isotrope.results.series import Tables
from isotrope.results.style import look

TITLE = "Hits by length"
TABLES = ("runs", "hit_rate")
COLUMNS = {"runs": {"training.epochs": "number"}, "hit_rate": {"length": "number"}}
CAPTION = "Share of rods that are told right, against their length. Hollow: published."


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """The figure, and a row per panel, series, origin and length."""
    return draw_by_length(tables, "hit_rate", "hit_rate", "Hits (%)")
