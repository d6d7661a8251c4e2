"""Segmentations of an image and of its shifted copy, and where the two differ.

A row for each network, from the arrays of ``segmentation``: its most accurate seed on the first
images.
"""

from typing import Any

import numpy as np
import pandas
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from isotrope.results.series import Tables, origin
from isotrope.results.style import DOUBLE, SMALL, add_foot, blank, look, new_figure, wrapped

TITLE = "Segmentations before and after a shift"
TABLES = ("runs", "segmentation")
ARRAYS = ("segmentation",)
COLUMNS = {"runs": {"training.epochs": "number"}, "segmentation": {}}
CAPTION = (
    "Above: images and their masks; void is grey. Below, for each network: the answer to the "
    "image, the answer to the circularly shifted image, shifted back, and, in black, the pixels "
    "whose class differs between the two. The most accurate seed of each series."
)

MOST_IMAGES, MOST_SERIES = 2, 6
VOID = 255
GREYS = (14, 15)  # of the colours of classes, which would pass for void
SHARE = 0.55  # of the colour of a class over an image
PARTS = ("answer", "after the shift", "differ")
NAMES = ("images", "masks", "predictions", "shifted_back", "disagreements", "seed")
NONE = "no network here has been tested with segmentation"

Found = dict[str, NDArray[Any]]


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, and ``segmentation`` with its arrays.

    Returns:
        The figure, and a row for each image of each series: the percentage of pixels that differ.
    """
    series = _series(tables)
    columns = [*tables.panel, "name", "model", "seed", "image", "differ"]
    if not series:
        return blank(NONE), pandas.DataFrame(columns=columns)
    shown = series[:MOST_SERIES]
    count = min(MOST_IMAGES, *(len(its["images"]) for _, its in shown))
    across = len(PARTS) * count
    tallest = max(its["images"].shape[-2] / its["images"].shape[-1] for _, its in shown)
    figure = new_figure(DOUBLE, (len(shown) + 1) * (tallest * 6.2 / across + 0.24))
    grid = figure.subplots(len(shown) + 1, across, squeeze=False)
    rows: list[list[Any]] = []
    _draw_truth(grid[0], shown[0][1], count)
    for line, (run, its) in zip(grid[1:], shown, strict=True):
        (name,), _ = wrapped([str(run["name"])])
        line[0].set_ylabel(name, size=SMALL)
        for i in range(count):
            for j, kind in enumerate(("predictions", "shifted_back")):
                _show(line[len(PARTS) * i + j], _overlay(its["images"][i], its[kind][i]))
            differ = its["disagreements"][i]
            axes = line[len(PARTS) * i + 2]
            axes.imshow(differ, cmap=ListedColormap(["0.93", "black"]), vmin=0, vmax=1)
            _bare(axes)
            share = 100 * float(differ.mean())
            axes.set_xlabel(f"{share:.2f} %" if share else "none", size=SMALL)
            key = [*(run[c] for c in tables.panel), run["name"], run["model"], int(its["seed"])]
            rows.append([*key, i, share])
    for i in range(across):
        grid[1, i].set_title(PARTS[i % len(PARTS)], size=SMALL)
    known = tables.runs[tables.runs["name"].isin([run["name"] for run, _ in shown])]
    left_out = "; ".join(str(run["name"]) for run, _ in series[MOST_SERIES:])
    sentences = [
        *([f"Left out for want of room: {left_out}."] if left_out else []),
        *origin(known[known["status"].ne("diverged")], known.iloc[:0], tables),
    ]
    add_foot(figure, [], sentences)
    return figure, pandas.DataFrame(rows, columns=columns)


def _series(tables: Tables) -> list[tuple[dict[str, Any], Found]]:
    """The series that have arrays, with a row of theirs, in the order of panels and models."""
    stored, runs, cells = tables.arrays["segmentation"], tables.runs, tables.cells
    found = []
    for panel in cells.panels(runs):
        of_panel = cells.rows_in(runs, [panel])
        for name in cells.names(of_panel):
            rows = cells.series_in(of_panel, panel, name)
            key = f"{rows['run'].iloc[0]}/{rows['point'].iloc[0]}/"
            arrays = {name: stored[key + name] for name in NAMES if key + name in stored}
            if len(arrays) == len(NAMES):
                best = rows[rows["seed"].eq(int(arrays["seed"]))].iloc[0]
                found.append(({str(k): v for k, v in best.items()}, arrays))
    return found


def _draw_truth(line: NDArray[Any], its: Found, count: int) -> None:
    """The images and their masks; nothing in the other cells of the row."""
    for i, axes in enumerate(line):
        image, part = divmod(i, len(PARTS))
        if image < count and part == 0:
            _show(axes, np.moveaxis(its["images"][image], 0, -1))
            axes.set_title("image", size=SMALL)
        elif image < count and part == 1:
            _show(axes, _overlay(its["images"][image], its["masks"][image]))
            axes.set_title("mask", size=SMALL)
        else:
            axes.axis("off")


def _overlay(image: NDArray[Any], mask: NDArray[Any]) -> NDArray[Any]:
    """An image with the colours of classes over it; class 0 and void are grey."""
    pixels = np.moveaxis(image, 0, -1).astype(np.float64) / 255
    pixels = pixels.mean(axis=-1, keepdims=True).repeat(3, axis=-1)
    colours = np.concatenate([colormaps[name](range(20))[:, :3] for name in ("tab20", "tab20b")])
    colours = np.delete(colours, GREYS, axis=0)
    coloured = colours[(mask.astype(int) - 1) % len(colours)]
    plain = (mask == 0) | (mask == VOID)
    over = (1 - SHARE) * pixels + SHARE * coloured
    faint = np.where((mask == VOID)[..., None], 0.75, 0.4 + 0.6 * pixels)
    return np.where(plain[..., None], faint, over)


def _show(axes: Axes, image: NDArray[Any]) -> None:
    axes.imshow(image[..., 0] if image.shape[-1] == 1 else image, cmap="gray")
    _bare(axes)


def _bare(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
