"""What the networks are shown: some test images of each class of every data set.

Drawn from the images of the data sets as they were built here; it holds their pixels.
"""

from typing import Any

import numpy as np
import pandas
from matplotlib.figure import Figure
from numpy.typing import NDArray

from isotrope.results.series import Tables
from isotrope.results.style import DOUBLE, SMALL, add_foot, blank, look, new_figure

TITLE = "Images of the data sets"
TABLES = ("runs",)
ARRAYS = ("examples",)
COLUMNS: dict[str, dict[str, str]] = {"runs": {}}
CAPTION = (
    "Test images of each class (columns) of every data set, as networks are tested on them. The "
    "pictures belong to the authors of the data sets."
)

HEIGHT, SHOWN = 0.62, 3  # inches of an image at most, and images of a class
BETWEEN = 0.06  # of an image
CREDITS = {
    "textures3": "Patches of scikit-image's photographs of brick, grass and gravel.",
    "pneumonia_mnist": "PneumoniaMNIST: Yang et al., CC BY 4.0.",
}


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, and the arrays of ``examples``: for each data set ``images`` (classes,
            images, height, width), with a last axis of 3 for colours, uint8, and ``labels``
            (classes,).

    Returns:
        The figure, and a row for each data set and class with the size of its images.
    """
    runs, stored = tables.runs, tables.arrays["examples"]
    found = list(dict.fromkeys(panel[0] for panel in tables.cells.panels(runs)))
    shown = [place for place in found if f"{place}/labels" in stored]
    columns = ["place", "source", "label", "height", "width"]
    if not shown:
        return blank("no data set here has images of classes"), pandas.DataFrame(columns=columns)
    most = max(len(stored[f"{place}/labels"]) for place in shown)
    side = min(HEIGHT, DOUBLE / (most * (1 + BETWEEN)))
    figure = new_figure(DOUBLE, len(shown) * (SHOWN * side * (1 + BETWEEN) + 0.3))
    sources = dict(zip(runs["place"], runs["source"], strict=True))
    rows = []
    grid = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    for axes, place in zip(grid, shown, strict=True):
        images, labels = stored[f"{place}/images"], stored[f"{place}/labels"]
        sheet = _sheet(images[:, :SHOWN], most)
        axes.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.set_axis_off()
        size = f"{images.shape[2]} x {images.shape[3]} pixels, {len(labels)} classes"
        axes.set_title(f"{place}, {size}", size=SMALL)
        rows += [[place, sources[place], int(one), *images.shape[2:4]] for one in labels]
    said = [f"{place} ({sources[place]})" if sources[place] else place for place in shown]
    owners = [CREDITS[place] for place in shown if place in CREDITS]
    add_foot(figure, [], [f"Images: {', '.join(said)}.", *owners])
    return figure, pandas.DataFrame(rows, columns=columns)


def _sheet(images: NDArray[Any], most: int) -> NDArray[np.uint8]:
    """Classes side by side, their images one below the other; white between and beside them."""
    count, each, height, width = images.shape[:4]
    gap = max(1, round(BETWEEN * width))
    shape = (each * (height + gap), most * (width + gap), *images.shape[4:])
    sheet = np.full(shape, 255, dtype=np.uint8)
    for column in range(count):
        for row in range(each):
            top, left = row * (height + gap), column * (width + gap)
            sheet[top : top + height, left : left + width] = images[column, row]
    return sheet
