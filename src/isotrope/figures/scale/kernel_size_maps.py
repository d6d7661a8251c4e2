"""The kernel size that every output channel chooses at every pixel, for an object at four sizes.

Supplementary figure 4 of Altstidl et al. 2022 (arXiv 2211.10288): pixel_pool, emoji, mid2rest, the
class smile, the most accurate seed. Differs from it: all maps and the colour bar have one scale,
and channels are sorted by Pearson's r of the kernel size where their map is largest.
"""

from typing import Any

import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from numpy.typing import NDArray

from isotrope.figures.scale._kernel_sizes import (
    COLOURS,
    Network,
    data_of,
    draw_network,
    network_of,
    words,
)
from isotrope.results.series import Tables
from isotrope.results.style import DOUBLE, look

TITLE = "Maps of chosen kernel sizes"
TABLES = ("runs", "index_correlation")
ARRAYS = ("index_correlation",)
COLUMNS = {
    "runs": {"training.epochs": "number"},
    "index_correlation": {"pool": "text", "channel": "number"},
}
CAPTION = (
    "The kernel size that each output channel of the second stage chooses at every pixel, for one "
    "object at several sizes (supplementary figure 4 of the paper), for the most accurate seed. "
    "Above each block: the channel, and Pearson's r between the object's size and the kernel size "
    "where the channel's map is largest. All maps and the colour bar have one scale."
)

MODEL = "pixel_pool"  # of the published figure
ACROSS = 4  # channels side by side
BETWEEN, APART, ABOVE = 4, 20, 26  # pixels: maps of a channel, channels, and room for their names
TITLE_LETTERS = 110  # in one line
NONE = "no network here chooses a kernel size at every pixel, as pixel_pool does"


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``index_correlation`` with its arrays.

    Returns:
        The figure, and what it shows: a row per channel and size of the object with the smallest,
        mean and largest kernel size of its map (pixels); the maps themselves are in
        ``index_correlation.npz``.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    network = network_of(tables, MODEL, maps=True)
    figure = draw_network(tables, network, NONE, _size, _paint, TITLE_LETTERS, space=0.01)
    columns = ("channel", "pearson_r", "scale", "smallest", "mean", "largest")
    return figure, data_of(tables, network, columns, _rows)


def _size(network: Network) -> tuple[float, float]:
    """Width and height of the figure without its foot, in inches."""
    height, width = _mosaic(network)[0].shape
    return DOUBLE, 0.8 + 6.0 * height / width


def _paint(axes: Axes, network: Network, limits: tuple[float, float]) -> ScalarMappable:
    """All maps side by side, with the channel and its r above each block."""
    picture, corners, middles = _mosaic(network)
    low, high = limits
    shown = axes.imshow(
        picture, cmap=COLOURS, vmin=low, vmax=high, interpolation="nearest", aspect="equal"
    )
    for (channel, r), (top, left) in zip(network.r, corners, strict=True):
        axes.text(left, top - 4, f"channel {channel}, r {words(r)}", size=5.5, va="bottom")
    axes.set_xticks(
        middles, [str(scale) for scale in network.scales] * (len(middles) // len(network.scales))
    )
    axes.set_yticks([])
    axes.tick_params(axis="x", length=0)
    axes.spines[:].set_visible(False)
    return shown


def _mosaic(
    network: Network,
) -> tuple[NDArray[np.float64], list[tuple[int, int]], list[float]]:
    """All maps in one picture, NaN between them.

    Returns:
        The picture; the first row and column of each channel's block; and the middle column of
        each map of the uppermost blocks.
    """
    count, channels, height, width = network.sizes.shape
    block = count * (width + BETWEEN) - BETWEEN
    rows, columns = -(-channels // ACROSS), min(channels, ACROSS)
    whole = (rows * (height + ABOVE), columns * (block + APART) - APART)
    picture = np.full(whole, np.nan)
    corners = []
    for place, (channel, _) in enumerate(network.r):
        row, column = divmod(place, ACROSS)
        top, left = row * (height + ABOVE) + ABOVE, column * (block + APART)
        corners.append((top, left))
        for i in range(count):
            start = left + i * (width + BETWEEN)
            picture[top : top + height, start : start + width] = network.sizes[i, channel]
    middles: list[Any] = [
        column * (block + APART) + i * (width + BETWEEN) + (width - 1) / 2
        for column in range(columns)
        for i in range(count)
    ]
    return picture, corners, middles


def _rows(network: Network) -> list[dict[str, Any]]:
    """What the maps hold, in short, the channel with the largest r first."""
    return [
        {"channel": channel, "pearson_r": r, "scale": int(scale)}
        | {"smallest": int(sizes.min()), "mean": float(sizes.mean()), "largest": int(sizes.max())}
        for channel, r in network.r
        for scale, sizes in zip(network.scales, network.sizes[:, channel], strict=True)
    ]
