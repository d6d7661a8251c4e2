"""The equivariance error of each layer against angle and scale, with two references.

A row for each series: on the left images are turned, on the right they are scaled. A colour for
each layer; the references are the floor, what interpolation alone costs, and the same layer of a
network without training.
"""

from typing import Any

import matplotlib
import numpy as np
import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from isotrope.figures.general import _layers
from isotrope.figures.general._layers import layers_of, parts_of, place_of
from isotrope.results.series import Tables, measured_and_published
from isotrope.results.style import (
    DOUBLE,
    GREY,
    SMALL,
    add_foot,
    logarithmic,
    look,
    new_figure,
    wrapped,
)

TITLE = "Equivariance error of each layer"
TABLES = ("runs", "equivariance")
COLUMNS = _layers.COLUMNS
CAPTION = (
    "Equivariance error of each layer, relative to the size of its map: how far the map of a "
    "turned or scaled image is from the turned or scaled map. Markers: mean over seeds. Dotted, in "
    "the colour of the layer: the floor, what interpolation alone costs. Dashed: the same layer of "
    "a network without training. Errors below a thousandth of the largest are not shown. "
    "Below the panels: number of epochs, diverged and collapsed seeds."
)

LINES: dict[str, dict[str, Any]] = {
    "error": {"marker": "o", "markersize": 2.8, "markeredgewidth": 0, "linewidth": 1.1},
    "floor": {"linestyle": (0, (1, 1.5)), "linewidth": 0.9},
    "untrained": {"linestyle": (0, (5, 2)), "linewidth": 0.8},
}
MEANING = {
    "error": "error",
    "floor": "floor: interpolation alone",
    "untrained": "the same layer without training",
}
PAGE, ROW = 9.0, 1.35  # inches, of all rows together and of one
MOST = 6  # rows
DEPTH = 1000  # of the axis: the largest error over the least that is shown
SIDES = (("angle", "scale", 1, "Angle (degrees)"), ("scale", "angle", 0, "Scale"))


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``equivariance``.

    Returns:
        The figure, and what it shows: a row per panel, series, metric (``error``, ``floor``,
        ``untrained``), layer, angle (degrees) and scale.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    layers = layers_of(tables)
    series = layers.series[:MOST]
    titles, lines = wrapped([layers.title(*one) for one in series], 44)
    row = min(ROW + 0.1 * lines, PAGE / len(series))
    figure = new_figure(DOUBLE, row * len(series) + 0.35)
    grid = figure.subplots(len(series), 2, sharex="col", sharey=True, squeeze=False)
    colours = _colours([part for one in series for part in parts_of(layers.of(*one))])
    values, scales = layers.means["mean"], sorted(set(layers.means["scale"]))
    for across, title, one in zip(grid, titles, series, strict=True):
        line = layers.of(*one)
        for axes, (column, other, neutral, label) in zip(across, SIDES, strict=True):
            _draw_side(axes, line[line[other].eq(neutral)], column, colours)
            if axes in grid[-1]:
                axes.set_xlabel(label)
        across[0].set_title(title, size=SMALL)
        across[0].set_ylabel("Error")
    axes = grid[0, 0]
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(NullLocator())
    least = max(values[values > 0].min(), values.max() / DEPTH)
    axes.set_ylim(0.7 * least, 1.5 * values.max())
    for axes in grid[:, 1]:
        logarithmic(axes, (1,))
        axes.set_xticks(scales, [f"{scale:g}" for scale in scales])
        axes.xaxis.set_minor_locator(NullLocator())
    left_out = [layers.title(*one) for one in layers.series[MOST:]]
    add_foot(figure, _legend(colours), layers.sentences(left_out))
    return figure, measured_and_published(layers.means, layers.means.iloc[:0])


def _colours(parts: list[str]) -> dict[str, Any]:
    """A colour for each layer, from dark to light in the order of their names."""
    found = sorted(set(parts), key=place_of)
    shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.85, len(found)))
    return dict(zip(found, shades, strict=True))


def _draw_side(axes: Axes, line: pandas.DataFrame, column: str, colours: dict[str, Any]) -> None:
    """The layers of one series against angle or scale; where nothing is 0, it is not drawn."""
    for part in parts_of(line):
        for metric, kind in LINES.items():
            its = line[line["part"].eq(part) & line["metric"].eq(metric)].sort_values(column)
            its = its[its["mean"] > 0]
            axes.plot(its[column], its["mean"], color=colours[part], **kind)


def _legend(colours: dict[str, Any]) -> list[Artist]:
    """The layers, then the kinds of lines."""
    layers = [
        Line2D([], [], color=shade, linewidth=2, label=part) for part, shade in colours.items()
    ]
    kinds = [
        Line2D([], [], color=GREY, label=MEANING[metric], **kind) for metric, kind in LINES.items()
    ]
    return [*layers, *kinds]
