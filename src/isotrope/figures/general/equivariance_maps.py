"""The equivariance error of each layer for every angle and scale: heat maps beside two references.

A row for each layer of each series, with three maps of one colour scale: the error, its floor
(what interpolation alone costs), and the same layer of a network without training.
"""

from collections.abc import Sequence

import numpy as np
import pandas
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from isotrope.figures.general import _layers
from isotrope.figures.general._heat_maps import draw_map, grid, table_of
from isotrope.figures.general._layers import METRICS, Layers, layers_of, parts_of
from isotrope.results.series import Tables, measured_and_published
from isotrope.results.style import SMALL, add_foot, look, wrapped

TITLE = "Equivariance error for every angle and scale"
TABLES = ("runs", "equivariance")
COLUMNS = _layers.COLUMNS
CAPTION = (
    "Equivariance error for every angle and scale, relative to the size of the map; means over "
    "seeds, one logarithmic colour scale. Left: the error of a layer. Middle: its floor, what "
    "interpolation alone costs; vectors have none. Right: the same layer of a network without "
    "training. White: no error at all, or none measured. Below the maps: number of epochs, "
    "diverged and collapsed seeds."
)

MOST = 9  # rows
DEPTH = 1000  # of the colour scale: the largest error over the least that has its own colour
Row = tuple[str, str, pandas.DataFrame]  # title of a series, name of its layer, and the means
HEADINGS = {"error": "", "floor": "floor", "untrained": "without training"}


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
    found = _rows(layers)
    shown = _chosen(found, len(layers.series))
    titles, lines = wrapped([f"{title}: {part}" for title, part, _ in shown], 34)
    figure, cells = grid(len(METRICS) * len(shown), len(METRICS), lines)
    values = layers.means["mean"]
    norm = LogNorm(max(values[values > 0].min(), values.max() / DEPTH), values.max(), clip=True)
    for i, (_, _, line) in enumerate(shown):
        for axes, metric in zip(cells[3 * i : 3 * i + 3], METRICS, strict=True):
            table = table_of(line[line["metric"].eq(metric)], "mean")
            image = draw_map(axes, table.where(table > 0), norm=norm, cmap="magma_r")
            heading = HEADINGS[metric] or titles[i]
            nothing = metric == "floor" and not table.gt(0).any(axis=None)
            axes.set_title(f"no {heading}" if nothing else heading, size=SMALL)
    bar = figure.colorbar(image, ax=cells, pad=0.01, aspect=40)
    bar.set_label("Equivariance error")
    bar.outline.set_visible(False)
    seen = {(title, part) for title, part, _ in shown}
    left_out = [f"{title}: {part}" for title, part, _ in found if (title, part) not in seen]
    add_foot(figure, [], layers.sentences(left_out))
    return figure, measured_and_published(layers.means, layers.means.iloc[:0])


def _chosen(rows: Sequence[Row], series: int) -> list[Row]:
    """As many rows as there is room for: of each series the same number, evenly spread."""
    if len(rows) <= MOST:
        return list(rows)
    each, chosen = max(1, MOST // series), []
    for title in dict.fromkeys(row[0] for row in rows):
        its = [row for row in rows if row[0] == title]
        count = min(each, len(its))
        places = np.linspace(0, len(its) - 1, count) if count > 1 else [(len(its) - 1) / 2]
        chosen += [its[round(i)] for i in places]
    return chosen[:MOST]


def _rows(layers: Layers) -> list[Row]:
    """For each layer of each series its title, its name, and its means."""
    return [
        (layers.title(panel, name), part, line[line["part"].eq(part)])
        for panel, name in layers.series
        for line in [layers.of(panel, name)]
        for part in parts_of(line)
    ]
