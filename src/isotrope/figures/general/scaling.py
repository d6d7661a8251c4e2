"""Test accuracy against the scale of the test images, on a logarithmic axis.

For each data set and setting of it there are two panels: the thing is made larger or smaller on a
canvas that keeps its size, or the whole image is resized. In each, a line for each series: the mean
over seeds with its 95 % interval, beside the published values of the same model.
"""

from collections.abc import Callable

import pandas
from matplotlib.figure import Figure

from isotrope.figures.general._lines import draw_panels, lines_of
from isotrope.results.series import Tables, measured_and_published
from isotrope.results.style import logarithmic, look

TITLE = "Accuracy against scale"
TABLES = ("runs", "scaling")
COLUMNS = {
    "runs": {"training.epochs": "number"},
    "scaling": {"canvas": "text", "scale": "number"},
}
CAPTION = (
    "Test accuracy against the scale of the test images, where 2 makes a thing twice as large. "
    "Canvas kept: what is scaled up may leave the image. Canvas resized: the network sees images "
    "of another size. Solid markers: mean over seeds, with its 95 % interval (Student's t) as a "
    "band. Hollow markers: published values. Dotted: chance level. Below the panels: number of "
    "epochs, diverged and collapsed seeds, source of the published values."
)

Take = Callable[[pandas.DataFrame], pandas.DataFrame]
CANVASES: dict[str, Take] = {
    "canvas kept": lambda rows: rows[rows["canvas"].eq("kept")],
    "canvas resized": lambda rows: rows[rows["canvas"].eq("resized")],
}


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``scaling``.

    Returns:
        The figure, and what it shows: a row per panel, series, origin (``measured`` or
        ``published``), canvas and scale, accuracies as fractions.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    lines = lines_of(tables, "scaling", ["canvas", "scale"])

    figure, axes = draw_panels(lines, "scale", CANVASES, "Scale of the test images")
    for panel in axes:
        logarithmic(panel, (1, 2, 5))
    return figure, measured_and_published(lines.means, lines.beside)
