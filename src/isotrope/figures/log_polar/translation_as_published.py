"""Accuracy against shift, measured and as it was published, side by side.

The published sweep resizes the canvas together with the shift: at t pixels an image of 28 pixels
has 28 + 2 t, so that scale and shift change at once. The corrected one keeps the canvas.
"""

from collections.abc import Callable

import pandas
from matplotlib.figure import Figure

from isotrope.figures.general._lines import Lines, draw_panels, lines_of
from isotrope.results.series import Tables, measured_and_published
from isotrope.results.style import look

TITLE = "Accuracy against shift, and the published sweep that also scales"
TABLES = ("runs", "translation", "translation_published")
COLUMNS = {
    "runs": {"training.epochs": "number"},
    "translation": {"x": "number", "y": "number"},
    "translation_published": {"shift": "number"},
}
CAPTION = (
    "Left: test accuracy against the shift of the test images, on a canvas that keeps its size; "
    "mean over the directions that were measured. Right: the sweep as it was published, which "
    "shifts up and to the left by t pixels and then resizes the canvas by t pixels on each side: "
    "what falls there is mostly a loss by scale. Markers: mean over seeds, with its 95 % interval "
    "(Student's t) as a band. Dotted: chance level."
)

FIXED, PUBLISHED = "shift alone", "published: also scaled"
Take = Callable[[pandas.DataFrame], pandas.DataFrame]
PARTS: dict[str, Take] = {
    FIXED: lambda rows: rows[rows["form"].eq(FIXED)],
    PUBLISHED: lambda rows: rows[rows["form"].eq(PUBLISHED)],
}


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, ``translation`` and ``translation_published``.

    Returns:
        The figure, and what it shows: a row per panel, series, form and shift (pixels), accuracies
        as fractions.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    moved = tables["translation"]
    moved = moved.assign(shift=moved["x"].where(moved["x"].ne(0), moved["y"]))
    over = [*("run", "point", "seed", "metric", "shift")]
    fixed = moved[moved["metric"].eq("accuracy")].groupby(over, as_index=False)
    both = pandas.concat(
        [
            fixed[["value", "n"]].mean().assign(form=FIXED),
            tables["translation_published"].assign(form=PUBLISHED),
        ],
        ignore_index=True,
    )
    joined = Tables(
        {"runs": tables["runs"], "translation": both}, tables.cells, tables.published.iloc[:0]
    )
    lines: Lines = lines_of(joined, "translation", ["form", "shift"])
    figure, _ = draw_panels(lines, "shift", PARTS, "Shift (pixels)")
    return figure, measured_and_published(lines.means, lines.beside)
