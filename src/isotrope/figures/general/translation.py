"""Test accuracy against the shift of the test images, on a canvas that keeps its size.

For each data set and setting of it there is a panel for each direction that was measured. In each,
a line for each series: the mean over seeds with its 95 % interval.
"""

from collections.abc import Callable

import pandas
from matplotlib.figure import Figure

from isotrope.figures.general._lines import draw_panels, lines_of
from isotrope.results.series import Tables, measured_and_published
from isotrope.results.style import look

TITLE = "Accuracy against shift"
TABLES = ("runs", "translation")
COLUMNS = {
    "runs": {"training.epochs": "number"},
    "translation": {"x": "number", "y": "number"},
}
CAPTION = (
    "Test accuracy against the shift of the test images; what leaves the canvas is lost. Markers: "
    "mean over seeds, with its 95 % interval (Student's t) as a band. Dotted: chance level. Below "
    "the panels: number of epochs, diverged and collapsed seeds."
)

Take = Callable[[pandas.DataFrame], pandas.DataFrame]
DIRECTIONS: dict[str, Take] = {
    "to the right": lambda rows: rows[rows["y"].eq(0)].assign(shift=rows["x"]),
    "down": lambda rows: rows[rows["x"].eq(0)].assign(shift=rows["y"]),
    "right and down": lambda rows: rows[rows["x"].eq(rows["y"])].assign(shift=rows["x"]),
}


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``translation``.

    Returns:
        The figure, and what it shows: a row per panel, series and shift (pixels), accuracies as
        fractions.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    lines = lines_of(tables, "translation", ["x", "y"])
    measured = {
        direction: take
        for direction, take in DIRECTIONS.items()
        if take(lines.means)["shift"].nunique() > 1
    }
    figure, _ = draw_panels(lines, "shift", measured or DIRECTIONS, "Shift (pixels)")
    return figure, measured_and_published(lines.means, lines.beside)
