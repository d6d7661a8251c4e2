"""What coefficients tell of an image: noise that was changed until it has those of the image.

Each network gives the image again from its own coefficients, those of its scattering transform
where it has one, else its features. What differs from the image, these coefficients do not hold.
"""

from typing import Any

import numpy as np
import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from isotrope.results.series import Tables, origin
from isotrope.results.style import (
    DOUBLE,
    SMALL,
    add_foot,
    blank,
    look,
    new_figure,
    styles,
    wrapped,
)

TITLE = "Images from their coefficients"
TABLES = ("runs", "synthesis")
ARRAYS = ("synthesis",)
COLUMNS = {"runs": {"training.epochs": "number"}, "synthesis": {"step": "number"}}
CAPTION = (
    "Test images, noise, and what becomes of the noise when it is changed until its coefficients "
    "are those of the image: those of the scattering transform, or the features of a network "
    "without one. Below: the distance of the coefficients, divided by their norm, after each step "
    "of the descent; lines are means of the images that are shown, bands reach from the nearest "
    "to the farthest. The most accurate seed of each series."
)

NETWORKS, IMAGES = 4, 4  # that are shown at most
TABLE = "synthesis"
LINES = 1.7  # inches of the panel of lines


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, and ``synthesis`` with its arrays: see `isotrope.evaluation.synthesis`.

    Returns:
        The figure, and a row for each network, image and step in it, with the distance.
    """
    found = _networks(tables)
    columns = ["name", "seed", "image", "label", "step", "coefficient_error"]
    if not found:
        return blank("no network here has synthesised images"), pandas.DataFrame(columns=columns)
    first = next(iter(found.values()))
    count = min(IMAGES, len(first["images"]))
    width = 2 + len(found)
    height, across = first["images"].shape[-2:]
    side = min(1.0, DOUBLE / (width + 0.5)) * height / across
    names, lines = wrapped(list(found))
    upper = count * side + 0.14 * lines + 0.1
    figure = new_figure(DOUBLE, upper + LINES)
    grid = figure.add_gridspec(count + 1, width, height_ratios=[*[upper / count] * count, LINES])
    titles = ["image", "noise", *names]
    for row in range(count):
        pictures = [first["images"][row], first["starts"][row]]
        pictures += [its["synthesised"][row] for its in found.values()]
        for column, (picture, title) in enumerate(zip(pictures, titles, strict=True)):
            axes = figure.add_subplot(grid[row, column])
            _show(axes, picture)
            axes.set_title("" if row else title, size=SMALL)
    handles, data = _draw_errors(figure.add_subplot(grid[count, :]), found, count)
    names_here = tables.runs["name"].isin(list(found))
    seeds = {name: int(its["seed"]) for name, its in found.items()}
    its_seed = tables.runs["seed"].eq(tables.runs["name"].map(seeds))
    shown = tables.runs[names_here & its_seed]
    words = origin(shown, shown.iloc[:0], tables)
    add_foot(figure, handles, ["Pixels beyond black and white are shown as these.", *words])
    return figure, data[columns]


def _networks(tables: Tables) -> dict[str, dict[str, NDArray[Any]]]:
    """The arrays of the first series that show the same images, by their names."""
    stored, runs, cells = tables.arrays[TABLE], tables.runs, tables.cells
    found: dict[str, dict[str, NDArray[Any]]] = {}
    for panel in cells.panels(runs):
        of_panel = cells.rows_in(runs, [panel])
        for name in cells.names(of_panel):
            rows = cells.series_in(of_panel, panel, name)
            key = f"{rows['run'].iloc[0]}/{rows['point'].iloc[0]}/"
            its = {n.removeprefix(key): a for n, a in stored.items() if n.startswith(key)}
            first = next(iter(found.values()), its)
            if its and np.array_equal(its["images"], first["images"]) and len(found) < NETWORKS:
                found.setdefault(name, its)
    return found


def _show(axes: Axes, image: NDArray[Any]) -> None:
    """A picture ``(channels, height, width)``; of other numbers of channels than 3 the first."""
    shown = image.transpose(1, 2, 0) if len(image) == 3 else image[0]
    axes.imshow(shown, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _draw_errors(
    axes: Axes, found: dict[str, dict[str, NDArray[Any]]], count: int
) -> tuple[list[Artist], pandas.DataFrame]:
    """Lines of the distances by step, and the numbers."""
    rows: list[list[Any]] = []
    handles: list[Artist] = []
    looks = styles(list(found))
    for name, its in found.items():
        errors = its["coefficient_errors"][:count].astype(float)
        steps = np.arange(errors.shape[1])
        shown = np.maximum(errors, np.finfo(np.float32).tiny)
        line = {"color": looks[name].colour, "linestyle": looks[name].line}
        handles += axes.plot(steps, shown.mean(axis=0), label=name, **line)
        low, high = shown.min(axis=0), shown.max(axis=0)
        axes.fill_between(steps, low, high, color=looks[name].colour, alpha=0.15, linewidth=0)
        labels, seed = its["labels"], int(its["seed"])
        rows += [
            [name, seed, i, int(labels[i]), int(step), float(errors[i, step])]
            for i in range(len(errors))
            for step in steps
        ]
    axes.set(yscale="log", xlabel="steps", ylabel="distance of coefficients")
    columns = ["name", "seed", "image", "label", "step", "coefficient_error"]
    return handles, pandas.DataFrame(rows, columns=columns)
