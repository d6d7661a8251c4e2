"""The kernel size that every output channel chooses at every pixel, for an object at four sizes.

Supplementary figure 4 of Altstidl et al. 2022 (arXiv 2211.10288): pixel_pool, emoji, mid2rest, the
class smile, the most accurate seed. Differs from it: all maps and the colour bar have one scale,
and channels are sorted by Pearson's r of the kernel size where their map is largest.
"""

from textwrap import wrap
from typing import Any

import numpy as np
import pandas
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from isotrope.figures._kernel_sizes import (
    BAR,
    COLOURS,
    EVALUATION,
    Arrays,
    Network,
    limits,
    network_of,
    sentences,
    words,
)
from isotrope.figures._series import Tables
from isotrope.figures._style import DOUBLE, add_foot, blank, look

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
def draw(
    tables: Tables, published: pandas.DataFrame, arrays: Arrays
) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``index_correlation``.
        published: published numbers in long form, maybe without rows.
        arrays: those of ``index_correlation``.

    Returns:
        The figure, and what it shows: a row per channel and size of the object with the smallest,
        mean and largest kernel size of its map (pixels); the maps themselves are in
        ``index_correlation.npz``.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    network = network_of(tables, arrays, MODEL, maps=True)
    if network is None:
        return blank(f"{EVALUATION}: {NONE}"), _data(None)
    picture, corners, middles = _mosaic(network)
    height, width = picture.shape
    figure = Figure((DOUBLE, 0.8 + 6.0 * height / width), layout="constrained")
    FigureCanvasAgg(figure)  # measures words, whatever is written later
    axes = figure.subplots()
    low, high = limits(network)
    shown = axes.imshow(
        picture, cmap=COLOURS, vmin=low, vmax=high, interpolation="nearest", aspect="equal"
    )
    for (channel, r), (top, left) in zip(network.r, corners, strict=True):
        axes.text(left, top - 4, f"channel {channel}, r {words(r)}", size=5.5, va="bottom")
    axes.set_title("\n".join(wrap(network.title, TITLE_LETTERS)))
    axes.set_xticks(
        middles, [str(scale) for scale in network.scales] * (len(middles) // len(network.scales))
    )
    axes.set_yticks([])
    axes.tick_params(axis="x", length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("Object size (pixels)")
    ticks = MaxNLocator(integer=True)
    figure.colorbar(shown, ax=axes, label=BAR, pad=0.01, aspect=40, ticks=ticks)
    said, theirs = sentences(network, tables, published)
    add_foot(figure, [], said)
    kept = ["place", "scenario", "name", "model", "accuracy", "origin"]
    return figure, pandas.concat([_data(network), theirs[kept]], ignore_index=True)


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
    for place, channel in enumerate(one for one, _ in network.r):
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


def _data(network: Network | None) -> pandas.DataFrame:
    """What the maps hold, in short, the channel with the largest r first."""
    columns = ["run", "point", "seed", "place", "scenario", "name", "model", "channel"]
    columns += ["pearson_r", "scale", "smallest", "mean", "largest", "origin"]
    if network is None:
        return pandas.DataFrame(columns=columns)
    first = network.rows.iloc[0]
    facts = {column: first[column] for column in ("run", "point", *columns[3:7])}
    return pandas.DataFrame(
        [
            facts
            | {"seed": network.seed, "channel": channel, "pearson_r": r, "scale": int(scale)}
            | {"smallest": int(one.min()), "mean": float(one.mean()), "largest": int(one.max())}
            | {"origin": "measured"}
            for channel, r in network.r
            for scale, one in zip(network.scales, network.sizes[:, channel], strict=True)
        ],
        columns=columns,
    )
