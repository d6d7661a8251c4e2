"""What the networks are shown: objects of every task at several sizes, and who trains on which.

Figure 3 of Altstidl et al. 2022 (arXiv 2211.10288), drawn from the images of the data sets as they
were built here. Tasks without images here are left out, and named.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from isotrope.results.series import Tables
from isotrope.results.style import DOUBLE, add_foot, blank, look, new_figure
from isotrope.studies.scale.cells import CLASSES, SCENARIOS

TITLE = "Tasks and scenarios"
TABLES = ("runs",)
ARRAYS = ("examples",)
COLUMNS: dict[str, dict[str, str]] = {"runs": {}}
CAPTION = (
    "Above: the sizes that the networks of each scenario are trained and tested on (figure 3 of "
    "the paper). Below: objects of every task at some of these sizes, as the networks see them, "
    "on a canvas of 64 by 64 pixels. Box: the object's place and size."
)

OBJECTS = 2  # of a task, at most
WIDTH, WIDEST = 6.1, 0.87  # inches: of all columns of images, and of one at most
SIDE = 0.46  # of a column, half of an image's width
BAND, GAP = 0.25, 0.7  # of a column: height of a scenario's bar, and from the last to the images
TRAINED: dict[str, Any] = {"facecolor": "0.45", "edgecolor": "black", "linewidth": 0.6}
TESTED: dict[str, Any] = {"facecolor": "white", "edgecolor": "black", "linewidth": 0.6}
BOX: dict[str, Any] = {"facecolor": "none", "edgecolor": "#E69F00", "linewidth": 0.7}


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, and the arrays of ``examples``: for each data set ``images`` (sizes,
            objects, height, width) with a last axis of 3 for colours, uint8; ``scales`` (sizes,),
            ``positions`` (sizes, objects, 2) and ``labels`` (objects,), in pixels and as whole
            numbers.

    Returns:
        The figure, and a row for each image in it.
    """
    runs, examples = tables.runs, tables.arrays["examples"]
    found = list(dict.fromkeys(panel[0] for panel in tables.cells.panels(runs)))
    shown = [place for place in found if f"{place}/scales" in examples]
    if not shown:
        return blank("no data set here knows the size of its objects"), _data(runs, examples, [])
    absent = [place.rpartition("/")[2] for place in CLASSES if place not in shown]
    lines = [(place, i) for place in shown for i in range(_objects(examples, place))]
    scales = examples[f"{shown[0]}/scales"]
    columns, top = len(scales), -GAP - BAND * len(SCENARIOS)
    unit = min(WIDTH / columns, WIDEST)  # inches
    figure = new_figure(DOUBLE, unit * (len(lines) - top) + 0.35)
    axes = figure.subplots()
    _draw_scenarios(axes, scales)
    for line, (place, i) in enumerate(lines):
        _draw_pictures(axes, line, examples, place, i)
    axes.set(xlim=(-0.52, columns - 0.48), ylim=(len(lines) - 0.5, top), aspect="equal")
    axes.set_xticks(range(columns), [str(scale) for scale in scales])
    axes.set_xlabel("Object size (pixels)")
    middles = {
        place.rpartition("/")[2]: float(
            np.mean([i for i, at in enumerate(lines) if at[0] == place])
        )
        for place in shown
    }
    bars = {scenario: _height(row) for row, scenario in enumerate(SCENARIOS)}
    names = bars | middles
    axes.set_yticks(list(names.values()), list(names))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    sources = dict(zip(runs["place"], runs["source"], strict=True))
    images = ", ".join(f"{one} ({sources[one]})" if sources[one] else one for one in shown)
    sentences = [f"Images: {images}.", "Networks of all2all are trained and tested on all sizes."]
    if absent and any(place in CLASSES for place in shown):
        sentences.append(f"Tasks without images here: {', '.join(absent)}.")
    add_foot(figure, _legend(), sentences)
    return figure, _data(runs, examples, lines)


def _objects(examples: Mapping[str, NDArray[Any]], place: str) -> int:
    """How many objects of a task are shown."""
    return min(OBJECTS, len(examples[f"{place}/labels"]))


def _draw_scenarios(axes: Axes, scales: NDArray[Any]) -> None:
    """A bar for each scenario over the columns of images; dark where it trains."""

    def column(scale: float) -> float:
        return float(np.interp(scale, scales, np.arange(len(scales))))

    low, high = int(scales[0]), int(scales[-1])
    for row, (first, last) in enumerate(SCENARIOS.values()):
        for begin, end, kind in ((low, high, TESTED), (first, last, TRAINED)):
            left = column(begin - 0.5) if begin > low else -SIDE
            right = column(end + 0.5) if end < high else len(scales) - 1 + SIDE
            corner = (left, _height(row) - 0.35 * BAND)
            axes.add_patch(Rectangle(corner, right - left, 0.7 * BAND, **kind))
        words = f"{first}\N{EN DASH}{last}"
        middle = (column(first) + column(last)) / 2
        axes.text(middle, _height(row), words, color="white", ha="center", va="center_baseline")


def _height(row: int) -> float:
    """Where the bar of a scenario lies, counted in columns from the first images down."""
    return BAND * (row + 1 - len(SCENARIOS)) - GAP


def _draw_pictures(
    axes: Axes, line: int, examples: Mapping[str, NDArray[Any]], place: str, which: int
) -> None:
    """One object of a task at every size, with the box around it."""
    images, scales = examples[f"{place}/images"], examples[f"{place}/scales"]
    positions = examples[f"{place}/positions"]
    for column, scale in enumerate(scales):
        image = images[column, which]
        unit = 2 * SIDE / image.shape[0]  # of a column, that a pixel takes
        left, top = column - SIDE, line - SIDE
        axes.imshow(
            image,
            cmap="gray",
            vmin=0,
            vmax=255,
            extent=(left, column + SIDE, line + SIDE, top),
            interpolation="nearest",
        )
        x, y = (int(value) for value in positions[column, which])
        corner = (left + x * unit, top + y * unit)
        axes.add_patch(Rectangle(corner, scale * unit, scale * unit, **BOX))


def _legend() -> list[Artist]:
    """What the bars and boxes mean."""
    return [
        Patch(**TRAINED, label="sizes trained on"),
        Patch(**TESTED, label="sizes tested on"),
        Patch(**BOX, label="the object"),
    ]


def _data(
    runs: pandas.DataFrame,
    examples: Mapping[str, NDArray[Any]],
    lines: Sequence[tuple[str, int]],
) -> pandas.DataFrame:
    """A row for each image: whose it is, and where the object lies in it, in pixels."""
    sources = dict(zip(runs["place"], runs["source"], strict=True))
    rows = []
    for place, which in lines:
        label = int(examples[f"{place}/labels"][which])
        for column, scale in enumerate(examples[f"{place}/scales"]):
            x, y = examples[f"{place}/positions"][column, which]
            rows.append([place, sources[place], label, int(scale), int(x), int(y)])
    return pandas.DataFrame(rows, columns=["place", "source", "label", "scale", "left", "top"])
