"""What angle, slant, frequency and width do to a Morlet wavelet."""

import numpy as np
import pandas
from matplotlib.figure import Figure

from isotrope.figures.scattering._morlet import in_space, middle, spectra
from isotrope.results.series import Tables
from isotrope.results.style import DOUBLE, add_foot, look, new_figure

TITLE = "What each parameter of a filter does"
TABLES = ("runs",)
COLUMNS: dict[str, dict[str, str]] = {"runs": {}}
CAPTION = (
    "A Morlet wavelet on 32 by 32 pixels (left), and the same with one of its parameters larger by "
    "0.75: in Fourier space, and its real and imaginary part in the plane of the image. Red: "
    "positive, blue: negative, each picture with a scale of its own."
)

SIDE, MORE = 32, 0.75
REFERENCE = {"theta": np.pi / 2, "slant": 0.5, "xi": 3 * np.pi / 8, "sigma": 1.6}
SYMBOLS = {"theta": "θ", "slant": "slant", "xi": "ξ", "sigma": "\N{GREEK SMALL LETTER SIGMA}"}
VIEWS = ("Fourier space", "real part", "imaginary part")


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, of which nothing is taken.

    Returns:
        The figure, and a row for each wavelet and view of it with the least and largest value.
    """
    del tables
    found = {"reference": REFERENCE}
    found |= {name: {**REFERENCE, name: REFERENCE[name] + MORE} for name in SYMBOLS}
    figure = new_figure(DOUBLE, 4.3)
    grid = figure.subplots(len(VIEWS), len(found))
    rows = []
    for column, (changed, its) in zip(grid.T, found.items(), strict=True):
        spectrum = spectra(**{name: np.array(value) for name, value in its.items()}, side=SIDE)
        wavelet = in_space(spectrum)
        pictures = (middle(spectrum), wavelet.real, wavelet.imag)
        for axes, view, picture in zip(column, VIEWS, pictures, strict=True):
            largest = float(np.abs(picture).max())
            axes.imshow(picture, cmap="RdBu_r", vmin=-largest, vmax=largest)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            rows.append([changed, *its.values(), view, picture.min(), picture.max()])
        words = SYMBOLS.get(changed, "")
        column[0].set_title(f"{words} + {MORE}" if words else "reference")
    for axes, view in zip(grid[:, 0], VIEWS, strict=True):
        axes.set_ylabel(view.capitalize())
    said = ", ".join(f"{SYMBOLS[name]} = {value:.3g}" for name, value in REFERENCE.items())
    add_foot(figure, [], [f"Reference: {said}; angles in radians. Computed, not measured."])
    columns = ["changed", *REFERENCE, "view", "smallest", "largest"]
    return figure, pandas.DataFrame(rows, columns=columns)
