"""Test errors beside all published ones of a data set, SIM2MNIST above all, best first.

Drawn as the log-polar study's `isotrope.figures.log_polar.errors_by_dataset`. The clutter of the
published SIM2MNIST is not published: ours is made anew, and its errors are not of the same task.
"""

import pandas
from matplotlib.figure import Figure

from isotrope.figures.log_polar import errors_by_dataset
from isotrope.figures.log_polar.errors_by_dataset import latex
from isotrope.results.series import Tables
from isotrope.results.style import look

__all__ = ["draw", "latex"]

TITLE = "Test errors beside published ones"
TABLES = ("runs", "accuracy")
COLUMNS = {"runs": {"training.epochs": "number"}, "accuracy": {}}
LATEX = True
CAPTION = (
    "Test error of networks that were trained on the data set named above each panel, best first. "
    "Solid: mean over seeds here, with its 95 % interval (Student's t). Hollow and grey: "
    "published, of any network. The clutter of the published SIM2MNIST is not public, and ours is "
    "made anew: of these networks only those that are trained here have seen the same images. The "
    "same numbers are in the CSV and LaTeX files beside it."
)
DATA = errors_by_dataset.DATA


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure: arguments, result and errors of `errors_by_dataset.draw`."""
    return errors_by_dataset.draw(tables)
