"""The share of images that are recognised at every shift up to a distance.

It is what an adversary leaves who may choose the shift of each image. For each data set and setting
of it there is a panel for each kind of shift by whole pixels, with a line for each series.
"""

import pandas
from matplotlib.figure import Figure

from isotrope.figures.general._shifts import COLUMNS as COLUMNS_OF_SHIFTS
from isotrope.figures.general._shifts import draw_by_distance
from isotrope.results.series import Tables
from isotrope.results.style import look

TITLE = "Accuracy under the worst shift up to a distance"
TABLES = ("runs", "shift_accuracy")
COLUMNS = COLUMNS_OF_SHIFTS
CAPTION = (
    "The share of test images that are recognised at every shift up to a distance (the larger of "
    "its two parts): what an adversary leaves who may choose the shift of each image. At 0 it is "
    "the test accuracy. Around the border: what leaves at one edge enters at the other. Off the "
    "canvas: it is lost, and a plain colour enters. Markers: mean over seeds, with its 95 % "
    "interval (Student's t) as a band."
)


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``shift_accuracy``.

    Returns:
        The figure, and what it shows: a row per panel, series, kind and distance (pixels),
        accuracies as fractions.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    return draw_by_distance(tables, "worst", "Always right (%)")
