"""The filters of a network before and after training: in Fourier space, real and imaginary part."""

import pandas
from matplotlib.figure import Figure

from isotrope.figures.scattering._banks import (
    COLUMNS as COLUMNS_OF_BANKS,
)
from isotrope.figures.scattering._banks import (
    NONE,
    STATES,
    add_words,
    banks,
    draw_mosaic,
    no_rows,
)
from isotrope.results.series import Tables
from isotrope.results.style import DOUBLE, blank, look, new_figure

TITLE = "Filters before and after training"
TABLES = ("runs", "filter_banks")
ARRAYS = ("filter_banks",)
COLUMNS = COLUMNS_OF_BANKS
CAPTION = (
    "The filters of a scattering transform before and after training, a row for each scale, a "
    "column for each angle: in Fourier space with the constant in the middle, and their real and "
    "imaginary parts in the plane of the image. Red: positive, blue: negative, each filter with a "
    "scale of its own. The most accurate seed of the first series whose filters were learned."
)

VIEWS = {"spectra": "Fourier space", "real": "Real part", "imaginary": "Imaginary part"}


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, and ``filter_banks`` with its arrays.

    Returns:
        The figure, and a row for each view, state, scale and angle with the least and largest
        value; the filters themselves are in ``filter_banks.npz``.
    """
    columns = ["view", "state", "scale", "angle", "smallest", "largest"]
    found = banks(tables)
    if not found:
        return blank(NONE), no_rows(tables, *columns)
    bank = found[0]
    states, across = bank.states, bank.angles
    down = len(bank.arrays["spectra_after"]) / across
    figure = new_figure(DOUBLE, len(VIEWS) * (down * 3.3 / across + 0.1) + 0.3)
    grid = figure.subplots(len(VIEWS), len(states), squeeze=False)
    rows = []
    for axes, state in zip(grid[0], states, strict=True):
        axes.set_title(STATES[state].capitalize())
    for row, (view, label) in zip(grid, VIEWS.items(), strict=True):
        row[0].set_ylabel(label)
        for axes, state in zip(row, states, strict=True):
            pictures = bank.arrays[f"{view}_{state}"]
            draw_mosaic(axes, pictures, across)
            for index, picture in enumerate(pictures):
                ends = float(picture.min()), float(picture.max())
                rows.append([view, state, *divmod(index, across), *ends])
    add_words(figure, tables, [bank], "Each filter has its own colour scale.")
    data = pandas.DataFrame(rows, columns=columns).assign(**bank.facts(tables))
    return figure, data[[*bank.facts(tables), *columns]]
