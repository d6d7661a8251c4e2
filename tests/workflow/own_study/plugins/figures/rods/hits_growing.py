"""The hits of each series, one length after the other."""

from collections.abc import Iterator

import pandas
from matplotlib.figure import Figure
from plugins.figures.rods._lengths import AXIS

from isotrope.results.series import Tables, means_of, measured
from isotrope.results.style import new_figure

TITLE = "Hits, growing"
TABLES = ("runs", "hit_rate")
COLUMNS = {"hit_rate": {"length": "number"}}
CAPTION = "Share of rods that are told right, one length after the other."
ANIMATION = True
RATE = 2  # frames a second


def animate(tables: Tables) -> tuple[Iterator[Figure], pandas.DataFrame]:
    """A frame for each length, and the numbers in them."""
    means = means_of(measured(tables, "hit_rate", "hit_rate"), tables, ["length"])
    return (_frame(means, length) for length in sorted(set(means["length"]))), means


def _frame(means: pandas.DataFrame, last: float) -> Figure:
    figure = new_figure(2, 1.5)
    axes = figure.subplots()
    shown = means[means["length"].le(last)]
    axes.plot(shown["length"], shown["mean"], "o")
    axes.set(xlim=(0, 10), ylim=(0, 1.05), xlabel=AXIS)
    return figure
