"""The first 16 filters while they are learned: their imaginary parts, in the plane of the image.

Drawn anew from the recorded angle, frequency, width and slant of each filter.
"""

from collections.abc import Iterator

import pandas

from isotrope.figures.scattering._morlet import in_space
from isotrope.figures.scattering._moving import animate_filters
from isotrope.results.animation import Frame
from isotrope.results.series import Tables

TITLE = "Filters while they are learned: their imaginary parts"
TABLES = ("runs",)
ARRAYS = ("recordings",)
COLUMNS = {"runs": {"training.epochs": "number"}}
CAPTION = (
    "The first 16 filters of a network, a frame for each recording (500 at most). "
    "The imaginary part of each filter, in the plane of the image. "
    "Red: positive, blue: negative, each filter with a scale of its own. The seed with the most "
    "recordings."
)
ANIMATION = True
RATE = 30  # frames a second


def animate(tables: Tables) -> tuple[Iterator[Frame], pandas.DataFrame]:
    """A frame for each recording of a seed.

    Args:
        tables: ``runs``, and the arrays ``recordings``.

    Returns:
        The frames, and a row for each filter of each: its epoch, scale, angle and parameters.
    """
    return animate_filters(tables, lambda spectrum: in_space(spectrum).imag)
