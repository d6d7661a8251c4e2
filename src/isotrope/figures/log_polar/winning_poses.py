"""Maps of the winning scale and direction: where each log-polar convolution responded most.

At every pixel the radius and the direction of the largest response of all kernels: which scale and
orientation the network saw there.
"""

from typing import Any

import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from isotrope.figures.log_polar._networks import (
    COLUMNS as COLUMNS_OF_NETWORKS,
)
from isotrope.figures.log_polar._networks import (
    Network,
    add_words,
    data_of,
    network_of,
    nothing,
)
from isotrope.results.series import Tables
from isotrope.results.style import DOUBLE, SMALL, look, new_figure

TITLE = "Maps of the winning scale and direction"
TABLES = ("runs", "log_polar_maps")
ARRAYS = ("log_polar_maps",)
COLUMNS = COLUMNS_OF_NETWORKS
CAPTION = (
    "Where in radius and angle the largest response of each log-polar convolution lies, at every "
    "pixel. Above: the images. Below, for each layer: the radius, and the direction, "
    "counter-clockwise from the x axis; pale where the response is weak, white where there is "
    "none. The most accurate seed of the first series that has such layers. "
    "Pictures of MNIST are under CC BY-SA 3.0."
)

ACROSS = 6  # images


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``log_polar_maps`` with its arrays.

    Returns:
        The figure, and what it shows: a row per layer and image with the mean radius (pixels),
        weighted by the response; the maps themselves are in ``log_polar_maps.npz``.
    """
    network = network_of(tables, "radius")
    columns = ["layer", "image", "mean_radius"]
    if network is None:
        return nothing(), data_of(tables, None, columns, [])
    images = network.arrays["images"][:ACROSS]
    lines = 1 + 2 * len(network.layers)
    figure = new_figure(DOUBLE, min(0.95 * lines + 0.2, 9.6))
    widths = [1.0] * len(images) + [0.05]
    cells = figure.subplots(lines, len(images) + 1, squeeze=False, width_ratios=widths)
    grid, bars = cells[:, :-1], cells[:, -1]
    bars[0].remove()
    for axes, image in zip(grid[0], images, strict=True):
        shown = np.moveaxis(image, 0, -1)
        axes.imshow(shown[..., 0] if shown.shape[-1] == 1 else shown, cmap="gray", vmin=0, vmax=255)
    grid[0, 0].set_ylabel("image", size=SMALL)
    rows = []
    for i, layer in enumerate(network.layers):
        down = slice(1 + 2 * i, 3 + 2 * i)
        rows += _draw_layer(figure, grid[down], bars[down], network, layer)
    for axes in grid.ravel():
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    add_words(figure, tables, network, "Pale: weak responses.")
    return figure, data_of(tables, network, columns, rows)


def _draw_layer(
    figure: Figure, grid: NDArray[Any], bars: NDArray[Any], network: Network, layer: str
) -> list[list[Any]]:
    """A row of radii and one of directions, each with its colour bar; and what they show."""
    count = grid.shape[1]
    radii, angles, strength = (
        network.arrays[f"{kind}_{layer}"][:count].astype(float)
        for kind in ("radius", "angle", "strength")
    )
    known = radii[np.isfinite(radii)]
    low, high = (known.min(), known.max()) if known.size else (1.0, 2.0)
    high = max(high, 2 * low)  # an octave at least
    norm = LogNorm(low, high)
    share = np.clip(strength / 255, 0.12, 1)
    for across, place, values, kind, label in (
        (grid[0], bars[0], radii, {"norm": norm, "cmap": "viridis"}, "radius (pixels)"),
        (grid[1], bars[1], angles, {"vmin": 0, "vmax": 360, "cmap": "hsv"}, "direction (°)"),
    ):
        for axes, picture, alpha in zip(across, values, share, strict=True):
            shown = axes.imshow(picture, alpha=alpha, interpolation="nearest", **kind)
        across[0].set_ylabel(f"{layer},\n{label.partition(' ')[0]}", size=SMALL)
        _add_bar(figure, place, shown, label, (low, high) if "norm" in kind else (0, 180, 360))
    weights = np.where(np.isfinite(radii), strength, 0).reshape(count, -1)
    sums = (np.nan_to_num(radii).reshape(count, -1) * weights).sum(axis=1)
    means = sums / np.where(weights.sum(axis=1) > 0, weights.sum(axis=1), np.nan)
    return [[layer, i, float(mean)] for i, mean in enumerate(means)]


def _add_bar(
    figure: Figure, axes: Axes, shown: AxesImage, label: str, ticks: tuple[float, ...]
) -> None:
    """A colour bar at the end of a row, of the colours of strong responses."""
    solid = ScalarMappable(cmap=shown.get_cmap(), norm=shown.norm)
    bar = figure.colorbar(solid, cax=axes)
    bar.set_ticks(list(ticks), labels=[f"{tick:.3g}" for tick in ticks])
    bar.minorticks_off()
    bar.set_label(label, size=SMALL)
    bar.outline.set_visible(False)
    axes.set_label("<colorbar>")
