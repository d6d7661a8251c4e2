"""The parameters of each filter while it is learned: a column for each angle at which it began."""

import numpy as np
import pandas
from matplotlib.figure import Figure

from isotrope.figures.scattering._recorded import (
    NONE,
    WAVELETS,
    add_words,
    facts,
    no_rows,
    shown_seed,
)
from isotrope.figures.scattering._trajectories import by_scale, draw_panel, legend, rows_of
from isotrope.results.series import Tables
from isotrope.results.style import DOUBLE, SMALL, blank, look, new_figure

TITLE = "Parameters of each filter while it is learned"
TABLES = ("runs",)
ARRAYS = ("recordings",)
COLUMNS = {"runs": {"training.epochs": "number"}}
CAPTION = (
    "Angle, frequency, width, slant, and frequency times width, of each filter, epoch by epoch: a "
    "column for each angle at which filters began, a colour for each scale. One seed, the one with "
    "the most recordings."
)

ROWS = {
    "theta": "θ",
    "xi": "ξ",
    "sigma": "\N{GREEK SMALL LETTER SIGMA}",
    "slant": "slant",
    "product": "ξ \N{GREEK SMALL LETTER SIGMA}",
}


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, and the arrays ``recordings``.

    Returns:
        The figure, and a row for each epoch and filter of the seed that it shows, with ``product``
        of frequency and width.
    """
    seed = shown_seed(tables)
    if seed is None:
        return blank(NONE), no_rows(tables, "epoch", "scale", "angle", *WAVELETS, "product")
    values = {name: by_scale(seed.arrays[name]) for name in WAVELETS}
    values["product"] = values["xi"] * values["sigma"]
    angles = values["theta"].shape[2]
    figure = new_figure(DOUBLE, 4.4)
    grid = figure.subplots(len(ROWS), angles, sharex=True, sharey="row", squeeze=False)
    for across, (name, symbol) in zip(grid, ROWS.items(), strict=True):
        across[0].set_ylabel(symbol)
        for angle, axes in enumerate(across):
            draw_panel(axes, seed.epochs, values[name][..., angle : angle + 1])
    for angle, (above, below) in enumerate(zip(grid[0], grid[-1], strict=True)):
        above.set_title(_degrees(values["theta"][0, :, angle]), size=SMALL)
        below.set_xlabel("Epoch", size=SMALL)
        below.set_xticks([int(seed.epochs[0]), int(seed.epochs[-1])])
    add_words(figure, tables, seed, handles=legend(values["theta"]))
    return figure, rows_of(seed.epochs, values).assign(**facts(tables, seed))


def _degrees(first: np.ndarray) -> str:
    """The angle at which the filters of a column began, where it is one."""
    degrees = np.degrees(first)
    return f"{degrees[0]:.0f}°" if np.ptp(degrees) < 0.5 else "several"
