"""Gradients of the loss by angle, frequency, width and slant of every filter, epoch by epoch."""

import math

import numpy as np
import pandas
from matplotlib.figure import Figure

from isotrope.figures.scattering._recorded import (
    GRADIENT,
    LAYER,
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

TITLE = "Gradients of the filters while they are learned"
TABLES = ("runs",)
ARRAYS = ("recordings",)
COLUMNS = {"runs": {"training.epochs": "number"}}
CAPTION = (
    "Derivatives of the loss by angle, frequency, width and slant of every filter, in the last "
    "step of an epoch, of 60 epochs at most; colours tell the scales at which they began. One "
    "seed, the one with the most recordings. The axes are linear between the two smallest powers "
    "of ten and logarithmic further out."
)

GRADIENTS = {name: f"{GRADIENT}{LAYER}{name}" for name in WAVELETS}
LABELS = {
    "theta": "by angle θ",
    "xi": "by frequency ξ",
    "sigma": "by width \N{GREEK SMALL LETTER SIGMA}",
    "slant": "by slant",
}
LINEAR = 100  # times smaller than the largest power of ten: from here to 0, axes are linear
MOST = 60  # epochs that are shown
NONE = "no network here recorded gradients of its wavelets (training.monitor.gradients)"


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, and the arrays ``recordings``.

    Returns:
        The figure, and a row for each epoch and filter of the seed that it shows.
    """
    seed = shown_seed(tables, (*WAVELETS, *GRADIENTS.values()))
    if seed is None:
        return blank(NONE), no_rows(tables, "epoch", "scale", "angle", *WAVELETS)
    values = {name: by_scale(seed.arrays[key]) for name, key in GRADIENTS.items()}
    count = len(seed.epochs)
    places = np.unique(np.linspace(0, count - 1, min(count, MOST)).round().astype(np.int64))
    figure = new_figure(DOUBLE, 3.6)
    for axes, (name, its) in zip(four_panels(figure), values.items(), strict=True):
        axes.set_ylabel(f"Gradient {LABELS[name]}")
        axes.axhline(0, color="0.7", linewidth=0.5, zorder=1)
        largest = float(np.nanmax(np.abs(its), initial=0.0))
        least = 10.0 ** math.floor(math.log10(largest)) / LINEAR if largest > 0 else 1.0
        axes.set_yscale("symlog", linthresh=least)
        axes.set_yticks([-LINEAR * least, -least, 0, least, LINEAR * least])
        draw_panel(axes, seed.epochs[places], its[places])
    add_words(figure, tables, seed, handles=legend(values["theta"]))
    return figure, rows_of(seed.epochs, values).assign(**facts(tables, seed)).dropna()
