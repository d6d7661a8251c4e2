"""Test accuracy against the corrected equivariance error, with what bounds it.

Supplementary figure 3 of Altstidl et al. 2022 (arXiv 2211.10288). Differs from it: networks are
given the images that they were trained on, maps are compared at the same points of the object, and
the pairs of sizes are those of the scenario. The lines show the error of an exactly rescaled map,
which only interpolation causes, and that of a network without training.
"""

import pandas
from matplotlib.figure import Figure

from isotrope.figures.scale._equivariance import ERROR_COLUMNS, PAIRS, draw_grid
from isotrope.results.series import Tables
from isotrope.results.style import look

TITLE = "Accuracy and corrected equivariance error"
TABLES = ("runs", "accuracy", "scale_equivariance")
COLUMNS = ERROR_COLUMNS
CAPTION = (
    "Test accuracy against the corrected equivariance error of the second stage, a point for each "
    "seed (supplementary figure 3 of the paper). Both maps are read at the same points of the "
    "object. Dotted: the floor, what interpolation alone costs. Dashed: a plain network without "
    "training. Crosses: seeds that stayed at chance level on their validation images. Hollow, at "
    "the right edge: published mean accuracies; the errors were not published. "
    "Objects whose error is infinite or undefined, because a map is zero, are left out of a "
    "seed's mean; seeds without a finite error at one of the pairs of sizes are not shown, and "
    "counted below."
)


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure; see ``isotrope.figures.scale._equivariance.draw_grid``."""
    return draw_grid(tables, "corrected", PAIRS)
