"""A network with a moving fovea, glimpse by glimpse: where it looks, and what it believes.

The animation of ``trajectories``: above, some test images with the path until now and the outline
of the glimpse; below, the probabilities of the classes after it.
"""

from collections.abc import Iterator
from typing import Any

import pandas
from matplotlib.figure import Figure

from isotrope.figures.glimpse._paths import (
    COLUMNS as COLUMNS_OF_PATHS,
)
from isotrope.figures.glimpse._paths import (
    COLUMNS_OF_DATA,
    NONE,
    Walker,
    add_words,
    classes_of,
    draw_beliefs,
    draw_image,
    draw_path,
    draw_rings,
    rows_of,
    walkers,
)
from isotrope.results.series import Tables
from isotrope.results.style import DOUBLE, SMALL, blank, look, new_figure

TITLE = "A fovea that moves, glimpse by glimpse"
TABLES = ("runs", "glimpse_paths")
ARRAYS = ("glimpse_paths",)
COLUMNS = COLUMNS_OF_PATHS
CAPTION = (
    "Above: test images with the path of the fovea and the outline of each glimpse. Below: the "
    "probability of each class after it; green is the class of the image, red the answer where it "
    "is another. One draw of the policy. Pictures of MNIST are under CC BY-SA 3.0."
)
ANIMATION = True
RATE = 2  # frames a second

MOST, HELD = 5, 3  # images; frames for which the last glimpse stays


def animate(tables: Tables) -> tuple[Iterator[Figure], pandas.DataFrame]:
    """A frame for each glimpse of the first network that beats random fixations.

    Args:
        tables: ``runs``, and ``glimpse_paths`` with its arrays.

    Returns:
        The frames, and a row for each glimpse at each image, as in ``trajectories``.
    """
    found = walkers(tables)
    names = ["name", "model", "seed"]
    columns = [*tables.panel, *names, *COLUMNS_OF_DATA]
    if not found:
        return iter([look(blank)(NONE)]), pandas.DataFrame(columns=columns)
    walker = found[0]
    count = min(MOST, len(walker.arrays["images"]))
    glimpses = walker.arrays["fixations"].shape[1]
    order = [*range(glimpses), *[glimpses - 1] * (HELD - 1)]
    key = [walker.run[column] for column in (*tables.panel, *names)]
    rows = [[*key, *row] for row in rows_of(walker, range(count))]
    frames = (_frame(tables, walker, count, glimpse) for glimpse in order)
    return frames, pandas.DataFrame(rows, columns=columns)


@look
def _frame(tables: Tables, walker: Walker, count: int, glimpse: int) -> Figure:
    """The images and beliefs after a glimpse, which are counted from 0."""
    its: dict[str, Any] = walker.arrays
    figure = new_figure(DOUBLE, 2.6)
    grid = figure.subplots(2, count, squeeze=False, height_ratios=[1.5, 1])
    for image in range(count):
        above, below = grid[:, image]
        path, beliefs, label = its["fixations"][image], its["beliefs"][image], its["labels"][image]
        draw_image(above, its["images"][image])
        draw_rings(above, walker, path[glimpse])
        draw_path(above, path[: glimpse + 1])
        draw_beliefs(below, beliefs[glimpse], int(label), classes_of(beliefs, int(label)))
    total = its["fixations"].shape[1]
    grid[0, 0].set_title(f"glimpse {glimpse + 1} of {total}", size=SMALL)
    add_words(figure, tables, [walker], [])
    return figure
