"""Test accuracy against the published equivariance error, over the right pairs of sizes.

Supplementary figure 3 of Altstidl et al. 2022 (arXiv 2211.10288). Differs from it: the pairs of
small2large and large2small, which it confuses, are their own: sizes that were not trained on.
"""

import pandas
from matplotlib.figure import Figure

from isotrope.figures.scale._equivariance import ERROR_COLUMNS, PAIRS, draw_grid
from isotrope.results.series import Tables
from isotrope.results.style import look

TITLE = "Accuracy and equivariance error, pairs corrected"
TABLES = ("runs", "accuracy", "scale_equivariance")
COLUMNS = ERROR_COLUMNS
CAPTION = (
    "Test accuracy against the equivariance error of the second stage, a point for each seed "
    "(supplementary figure 3 of the paper), as published but for the pairs of sizes: small2large "
    "and large2small have their own, which they were not trained on. Crosses: seeds that stayed at "
    "chance level on their validation images. Hollow, at the right edge: published mean "
    "accuracies; the errors were not published. "
    "Objects whose error is infinite or undefined, because a map is zero, are left out of a "
    "seed's mean, where the paper leaves out the whole seed; seeds without a finite error at one "
    "of the pairs of sizes are not shown, and counted below."
)


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure; see ``isotrope.figures.scale._equivariance.draw_grid``."""
    return draw_grid(tables, "published", PAIRS)
