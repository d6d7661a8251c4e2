"""Learned filters beside those of a tight frame that they are nearest to.

Both sets are matched so that the sum of the distances of their pairs is smallest, as in the
published code.
"""

import numpy as np
import pandas
from matplotlib.figure import Figure

from isotrope.evaluation._wavelet_distances import NUMBERS, Floats, pair_distances, tight_frame
from isotrope.figures.scattering._banks import (
    COLUMNS as COLUMNS_OF_BANKS,
)
from isotrope.figures.scattering._banks import NONE, Bank, add_words, banks, draw_mosaic, no_rows
from isotrope.results.series import Tables
from isotrope.results.style import DOUBLE, blank, look, new_figure

TITLE = "Learned filters and their partners in a tight frame"
TABLES = ("runs", "filter_banks")
ARRAYS = ("filter_banks",)
COLUMNS = COLUMNS_OF_BANKS
CAPTION = (
    "Every filter after training (above) with the filter of a tight frame (below) that it is "
    "matched with, so that the sum of all distances is smallest; in Fourier space, the constant in "
    "the middle. Red: positive, blue: negative, each filter with a scale of its own. The most "
    "accurate seed of the first series whose filters were learned."
)

ACROSS, MOST = 8, 32  # pairs side by side, and pairs at most


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, and ``filter_banks`` with its arrays.

    Returns:
        The figure, and a row for each filter with the number of its partner and their distance,
        which is NaN where spectra are learned pixel by pixel.
    """
    columns = ["filter", "partner", "distance"]
    found = [bank for bank in banks(tables) if "pairs" in bank.arrays]
    if not found:
        return blank(NONE), no_rows(tables, *columns)
    bank = found[0]
    pairs = bank.arrays["pairs"]
    learned, frame = bank.arrays["spectra_after"], bank.arrays["tight_frame"][pairs]
    count = min(len(pairs), MOST)
    blocks = [range(start, min(start + ACROSS, count)) for start in range(0, count, ACROSS)]
    figure = new_figure(DOUBLE, 1.85 * len(blocks))
    grid = figure.subplots(2 * len(blocks), 1, squeeze=False)[:, 0]
    for place, block in enumerate(blocks):
        for axes, filters, label in zip(
            grid[2 * place : 2 * place + 2], (learned, frame), ("learned", "frame"), strict=True
        ):
            draw_mosaic(axes, filters[block.start : block.stop], ACROSS)
            axes.set_ylabel(label)
    distances = _distances(bank)
    data = pandas.DataFrame({"filter": np.arange(len(pairs)), "partner": pairs})
    data = data.assign(distance=distances, **bank.facts(tables))
    total = [f"Sum of all distances: {distances.sum():.3f}."] if np.isfinite(distances[0]) else []
    left_out = [f"The first {MOST} of {len(pairs)} filters."] if len(pairs) > MOST else []
    add_words(figure, tables, [bank], *left_out, *total)
    return figure, data[[*bank.facts(tables), *columns]]


def _distances(bank: Bank) -> Floats:
    """Of each filter to its partner."""
    pairs = bank.arrays["pairs"]
    if "theta_after" not in bank.arrays:
        return np.full(len(pairs), np.nan)
    learned = {name: bank.arrays[f"{name}_after"] for name in NUMBERS}
    frame = tight_frame(*(int(side) for side in bank.arrays["shape"]))
    found: Floats = pair_distances(learned, frame)[np.arange(len(pairs)), pairs]
    return found
