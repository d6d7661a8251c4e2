"""Where a network with a moving fovea looks, and what it believes after each glimpse.

For some test images the path over the image, its fixations numbered, with the outline of a glimpse
at its last fixation; and beside it the probabilities of the classes as bars, step by step.
"""

from typing import Any

import numpy as np
import pandas
from matplotlib.figure import Figure
from numpy.typing import NDArray

from isotrope.figures.glimpse._paths import (
    COLUMNS as COLUMNS_OF_PATHS,
)
from isotrope.figures.glimpse._paths import (
    COLUMNS_OF_DATA,
    MOST_CLASSES,
    NONE,
    Walker,
    add_numbers,
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
from isotrope.results.style import DOUBLE, SMALL, blank, look, new_figure, wrapped

TITLE = "Paths of the fovea, and beliefs after each glimpse"
TABLES = ("runs", "glimpse_paths")
ARRAYS = ("glimpse_paths",)
COLUMNS = COLUMNS_OF_PATHS
CAPTION = (
    "Left: test images, the first of their class, with the path of the fovea, its fixations "
    "numbered from 1, and the outline of its last glimpse. Right: after some of the glimpses, the "
    "probability of each class; green is the class of the image, red the answer where it is "
    "another. One draw of the policy. Below: the accuracy of the same network on all test images "
    "with its own policy, with random fixations, and with the paths that it took over other "
    "images. Pictures of MNIST are under CC BY-SA 3.0."
)

MOST_SERIES, LINES, STEPS = 2, (4, 3), 6  # images of a network alone, or of each of two


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, and ``glimpse_paths`` with its arrays.

    Returns:
        The figure, and a row for each glimpse at each image: where it was, in pixels, the answer
        after it, and the probability of the right class.
    """
    found = walkers(tables)
    names = ["name", "model", "seed"]
    columns = [*tables.panel, *names, *COLUMNS_OF_DATA]
    if not found:
        return blank(NONE), pandas.DataFrame(columns=columns)
    shown = found[:MOST_SERIES]
    each = LINES[len(shown) - 1]
    counts = [min(each, len(one.arrays["images"])) for one in shown]
    steps = min(STEPS, max(one.arrays["fixations"].shape[1] for one in shown))
    figure = new_figure(DOUBLE, 1.02 * sum(counts) + 0.2)
    grid = figure.subplots(sum(counts), 1 + steps, squeeze=False, width_ratios=[1.25] + [1] * steps)
    rows, first = [], 0
    for walker, count in zip(shown, counts, strict=True):
        _draw_walker(grid[first : first + count], walker)
        first += count
        key = [walker.run[column] for column in (*tables.panel, *names)]
        rows += [[*key, *row] for row in rows_of(walker, range(count))]
    left_out = "; ".join(one.title for one in found[MOST_SERIES:])
    add_words(figure, tables, shown, [f"Not shown: {left_out}."] if left_out else [])
    figure.draw_without_rendering()
    first = 0
    for walker, count in zip(shown, counts, strict=True):
        for line, path in zip(grid[first:], walker.arrays["fixations"][:count], strict=False):
            add_numbers(line[0], path)
        first += count
    return figure, pandas.DataFrame(rows, columns=columns)


def _draw_walker(grid: NDArray[Any], walker: Walker) -> None:
    """The images of a network, a line each."""
    its, steps = walker.arrays, grid.shape[1] - 1
    glimpses = its["fixations"].shape[1]
    chosen = np.unique(np.linspace(0, glimpses - 1, steps).round().astype(int))
    names, _ = wrapped([walker.name], 16)
    for line, image in zip(grid, range(len(grid)), strict=True):
        path, beliefs, label = its["fixations"][image], its["beliefs"][image], its["labels"][image]
        draw_image(line[0], its["images"][image])
        draw_rings(line[0], walker, path[-1])
        draw_path(line[0], path)
        classes = classes_of(beliefs, int(label))
        for axes in line[1 + len(chosen) :]:
            axes.remove()
        for axes, step in zip(line[1:], chosen, strict=False):
            labelled = image == len(grid) - 1 or beliefs.shape[-1] > MOST_CLASSES
            draw_beliefs(axes, beliefs[step], int(label), classes, labelled)
            if image == 0:
                glimpse = "1 glimpse" if step == 0 else f"{step + 1} glimpses"
                axes.set_title(f"after {glimpse}", size=SMALL)
        line[1].set_yticks([0, 1])
        line[1].tick_params(labelsize=SMALL - 2)
    grid[0, 0].set_title(names[0], size=SMALL)
