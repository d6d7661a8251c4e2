"""Kernels of log-polar convolutions in the plane of the image, layer by layer.

A kernel of radii and angles is put at one radius and angle: its weights times what the points of
the grid see of the pixels. Each kernel has a colour scale of its own, from blue (negative) over
white to red.
"""

import numpy as np
import pandas
from matplotlib.figure import Figure

from isotrope.figures.log_polar._networks import (
    COLUMNS as COLUMNS_OF_NETWORKS,
)
from isotrope.figures.log_polar._networks import (
    add_words,
    data_of,
    mosaic,
    network_of,
    nothing,
)
from isotrope.results.series import Tables
from isotrope.results.style import DOUBLE, SMALL, look, new_figure

TITLE = "Learned kernels in the plane of the image"
TABLES = ("runs", "log_polar_maps")
ARRAYS = ("log_polar_maps",)
COLUMNS = COLUMNS_OF_NETWORKS
CAPTION = (
    "What kernels of log-polar convolutions look at, in the plane of the image: each kernel at the "
    "radius in the middle of its range, about the x axis to the right. Cross: the pixel about "
    "which the grid lies. Red: positive, blue: negative weights; each kernel has its own scale. "
    "Of later layers the first channel is shown. The most accurate seed of the first series that "
    "has such layers."
)

ACROSS, MOST = 8, 16  # kernels side by side, and of a layer


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``log_polar_maps`` with its arrays.

    Returns:
        The figure, and what it shows: a row per layer and kernel with its least and largest weight;
        the kernels themselves are in ``log_polar_maps.npz``.
    """
    network = network_of(tables, "kernels")
    columns = ["layer", "kernel", "side", "smallest", "largest"]
    if network is None:
        return nothing(), data_of(tables, None, columns, [])
    lines = [
        -(-min(MOST, len(network.arrays[f"kernels_{layer}"])) // ACROSS) for layer in network.layers
    ]
    figure = new_figure(DOUBLE, 0.9 * sum(lines) + 0.25 * len(lines))
    rows = []
    grid = figure.subplots(len(lines), 1, squeeze=False, height_ratios=lines)[:, 0]
    for axes, layer in zip(grid, network.layers, strict=True):
        kernels = network.arrays[f"kernels_{layer}"][:MOST, 0].astype(float)
        largest = np.abs(kernels).max(axis=(1, 2), keepdims=True)
        scaled = kernels / np.where(largest > 0, largest, 1)
        side = kernels.shape[-1]
        between = max(2, side // 8)
        picture = mosaic(scaled, ACROSS, between)
        missing = ACROSS * (side + between) - between - picture.shape[1]
        picture = np.pad(picture, ((0, 0), (0, missing)), constant_values=np.nan)
        axes.imshow(picture, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
        for i in range(len(kernels)):
            row, column = divmod(i, ACROSS)
            middle = (side - 1) / 2
            place = column * (side + between) + middle, row * (side + between) + middle
            axes.plot(*place, "+", color="black", markersize=4, markeredgewidth=0.6)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.set_title(f"{layer}, {side} x {side} pixels each", size=SMALL)
        rows += [
            [layer, i, side, float(kernel.min()), float(kernel.max())]
            for i, kernel in enumerate(kernels)
        ]
    add_words(figure, tables, network, "Each kernel has its own colour scale.")
    return figure, data_of(tables, network, columns, rows)
