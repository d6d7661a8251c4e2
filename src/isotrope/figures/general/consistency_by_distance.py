"""How often the answer to a shifted image is that to the image, against the distance of the shift.

For each data set and setting of it there is a panel for each kind of shift. In each, a line for
each series: the mean over seeds with its 95 % interval.
"""

import pandas
from matplotlib.figure import Figure

from isotrope.figures.general._shifts import COLUMNS as COLUMNS_OF_SHIFTS
from isotrope.figures.general._shifts import draw_by_distance
from isotrope.results.series import Tables
from isotrope.results.style import look

TITLE = "Consistency against the distance of a shift"
TABLES = ("runs", "shift_accuracy")
COLUMNS = COLUMNS_OF_SHIFTS
CAPTION = (
    "The share of test images whose answer is the same before and after a shift, against the "
    "distance of the shift (the larger of its two parts), in the mean over all shifts of that "
    "distance. Around the border: what leaves at one edge enters at the other. Off the canvas: it "
    "is lost, and a plain colour enters. Markers: mean over seeds, with its 95 % interval "
    "(Student's t) as a band. A consistent answer may be wrong."
)


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``shift_accuracy``.

    Returns:
        The figure, and what it shows: a row per panel, series, kind and distance (pixels),
        consistencies as fractions.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    return draw_by_distance(tables, "consistency", "Same answer (%)")
