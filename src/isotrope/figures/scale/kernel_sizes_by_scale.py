"""The kernel size that every output channel chooses, against the size of the object.

Figure 7 of Altstidl et al. 2022 (arXiv 2211.10288): slice_pool, emoji, mid2rest, the class smile,
the most accurate seed. Differs from it: dots and colour bar have one scale.
"""

from typing import Any

import pandas
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from isotrope.figures.scale._kernel_sizes import (
    COLOURS,
    Network,
    data_of,
    draw_network,
    network_of,
    words,
)
from isotrope.results.series import Tables
from isotrope.results.style import SINGLE, look

TITLE = "Kernel sizes chosen for every size of an object"
TABLES = ("runs", "index_correlation")
ARRAYS = ("index_correlation",)
COLUMNS = {
    "runs": {"training.epochs": "number"},
    "index_correlation": {"pool": "text", "channel": "number"},
}
CAPTION = (
    "The kernel size that each output channel of the second stage chooses for one object, against "
    "the size of the object (figure 7 of the paper), for the most accurate seed. Channels are "
    "sorted by Pearson's r between the two, which stands beside them. Dots and colour bar have one "
    "scale."
)

MODEL = "slice_pool"  # of the published figure
ROW = 0.115  # inches, of a channel
TITLE_LETTERS = 46  # in one line
NONE = "no network here chooses one kernel size for a whole map, as slice_pool does"


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``index_correlation`` with its arrays.

    Returns:
        The figure, and what it shows: a row per channel and size of the object; sizes in pixels.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    network = network_of(tables, MODEL, maps=False)
    figure = draw_network(tables, network, NONE, _size, _paint, TITLE_LETTERS, space=0.03)
    columns = ("channel", "rank", "pearson_r", "scale", "kernel_size")
    return figure, data_of(tables, network, columns, _rows)


def _size(network: Network) -> tuple[float, float]:
    """Width and height of the figure without its foot, in inches."""
    return SINGLE, 0.7 + ROW * len(network.r)


def _paint(axes: Axes, network: Network, limits: tuple[float, float]) -> ScalarMappable:
    """A dot for each channel and size of the object."""
    data = pandas.DataFrame(_rows(network))
    low, high = limits
    dots = axes.scatter(
        data["scale"],
        data["rank"],
        c=data["kernel_size"],
        cmap=COLOURS,
        vmin=low,
        vmax=high,
        s=9,
        linewidths=0,
    )
    axes.set(ylim=(len(network.r) - 0.4, -0.6), xlim=(16, 65), xticks=range(20, 61, 10))
    axes.set_ylabel("Output channels, by Pearson's r")
    axes.set_yticks(range(len(network.r)), [words(r) for _, r in network.r], size=5)
    axes.tick_params(axis="y", length=0)
    return dots


def _rows(network: Network) -> list[dict[str, Any]]:
    """What the dots show, the channel with the largest r first."""
    return [
        {"channel": channel, "rank": rank, "pearson_r": r}
        | {"scale": int(scale), "kernel_size": int(size)}
        for rank, (channel, r) in enumerate(network.r)
        for scale, size in zip(network.scales, network.sizes[:, channel], strict=True)
    ]
