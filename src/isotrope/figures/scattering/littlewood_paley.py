"""How well the filters of networks cover the Fourier plane, before and after training."""

from collections.abc import Mapping
from typing import Any

import pandas
from matplotlib.figure import Figure
from numpy.typing import NDArray

from isotrope.figures.scattering._banks import (
    COLUMNS as COLUMNS_OF_BANKS,
)
from isotrope.figures.scattering._banks import NONE, STATES, add_words, banks, no_rows
from isotrope.results.series import Tables
from isotrope.results.style import DOUBLE, SINGLE, SMALL, blank, look, new_figure, wrapped

TITLE = "Littlewood-Paley sums before and after training"
TABLES = ("runs", "filter_banks")
ARRAYS = ("filter_banks",)
COLUMNS = COLUMNS_OF_BANKS
CAPTION = (
    "The sum of the squared spectra of all filters, without the low-pass filter, with the constant "
    "in the middle: above before, below after training. The wavelet transform keeps what is "
    "bright, and loses what is dark. The most accurate seed of each series; all have one scale."
)

MOST = 4  # networks side by side


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, and ``filter_banks`` with its arrays.

    Returns:
        The figure, and a row for each network and state with the least, mean and largest sum, also
        of networks for which there is no room.
    """
    columns = ["state", "smallest", "mean", "largest"]
    found = banks(tables)
    if not found:
        return blank(NONE), no_rows(tables, *columns)
    rows = []
    for bank in found:
        for state in bank.states:
            its = bank.arrays[f"littlewood_paley_{state}"]
            numbers = [state, float(its.min()), float(its.mean()), float(its.max())]
            rows.append({**bank.facts(tables), **dict(zip(columns, numbers, strict=True))})
    data = pandas.DataFrame(rows)
    shown = found[:MOST]
    top = max(float(one.max()) for bank in shown for one in _sums(bank.arrays))
    figure = new_figure(SINGLE if len(shown) == 1 else DOUBLE, 3.6)
    grid = figure.subplots(2, len(shown), squeeze=False)
    picture: Any = None
    for column, bank in zip(grid.T, shown, strict=True):
        (title,), _ = wrapped([bank.title], 26)
        column[0].set_title(title, size=SMALL)
        for axes, state in zip(column, STATES, strict=True):
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            if state in bank.states:
                its = bank.arrays[f"littlewood_paley_{state}"]
                picture = axes.imshow(its, cmap="viridis", vmin=0, vmax=top)
    for axes, words in zip(grid[:, 0], STATES.values(), strict=True):
        axes.set_ylabel(words.capitalize())
    figure.colorbar(picture, ax=grid, shrink=0.7, label="Sum of squares")
    left_out = "; ".join(bank.title for bank in found[MOST:])
    more = [f"Left out for want of room: {left_out}."] if left_out else []
    add_words(figure, tables, shown, *more)
    return figure, data


def _sums(arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    return [array for name, array in arrays.items() if name.startswith("littlewood_paley_")]
