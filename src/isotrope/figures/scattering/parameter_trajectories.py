"""Angle, frequency, width and slant of every filter while they are learned."""

import pandas
from matplotlib.figure import Figure

from isotrope.figures.scattering._recorded import (
    NONE,
    SYMBOLS,
    WAVELETS,
    add_words,
    facts,
    no_rows,
    shown_seed,
)
from isotrope.figures.scattering._trajectories import (
    by_scale,
    draw_panel,
    four_panels,
    legend,
    rows_of,
)
from isotrope.results.series import Tables
from isotrope.results.style import DOUBLE, blank, look, new_figure

TITLE = "Parameters of the filters while they are learned"
TABLES = ("runs",)
ARRAYS = ("recordings",)
COLUMNS = {"runs": {"training.epochs": "number"}}
CAPTION = (
    "Angle, frequency, width and slant of every filter, epoch by epoch; colours tell the scales "
    "at which they began. One seed, the one with the most recordings."
)


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, and the arrays ``recordings``.

    Returns:
        The figure, and a row for each epoch and filter of the seed that it shows.
    """
    seed = shown_seed(tables)
    if seed is None:
        return blank(NONE), no_rows(tables, "epoch", "scale", "angle", *WAVELETS)
    values = {name: by_scale(seed.arrays[name]) for name in WAVELETS}
    figure = new_figure(DOUBLE, 3.6)
    for axes, (name, its) in zip(four_panels(figure), values.items(), strict=True):
        axes.set_ylabel(SYMBOLS[name])
        draw_panel(axes, seed.epochs, its)
    add_words(figure, tables, seed, handles=legend(values["theta"]))
    return figure, rows_of(seed.epochs, values).assign(**facts(tables, seed))
