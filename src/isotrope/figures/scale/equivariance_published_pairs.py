"""Test accuracy against the published equivariance error, over the published pairs of sizes.

Supplementary figure 3 of Altstidl et al. 2022 (arXiv 2211.10288), as published. Known flaws of it:
for small2large and large2small the pairs are those of the other scenario
(``equivariance_right_pairs`` has them right), and the error does not compare the same parts of
the object (``equivariance_corrected`` does).
"""

import pandas
from matplotlib.figure import Figure

from isotrope.figures.scale._equivariance import ERROR_COLUMNS, PUBLISHED_PAIRS, draw_grid
from isotrope.results.series import Tables
from isotrope.results.style import look

TITLE = "Accuracy and equivariance error, as published"
TABLES = ("runs", "accuracy", "scale_equivariance")
COLUMNS = ERROR_COLUMNS
CAPTION = (
    "Test accuracy against the equivariance error of the second stage, a point for each seed "
    "(supplementary figure 3 of the paper), in the published form: networks are given images in "
    "0 to 255, crops are not in correspondence, and small2large and large2small have the pairs of "
    "sizes of each other. Crosses: seeds that stayed at chance level on their validation images. "
    "Hollow, at the right edge: published mean accuracies; the errors were not published. "
    "Objects whose error is infinite or undefined, because a map is zero, are left out of a "
    "seed's mean, where the paper leaves out the whole seed; seeds without a finite error at one "
    "of the pairs of sizes are not shown, and counted below."
)


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure; see ``isotrope.figures.scale._equivariance.draw_grid``."""
    return draw_grid(tables, "published", PUBLISHED_PAIRS)
