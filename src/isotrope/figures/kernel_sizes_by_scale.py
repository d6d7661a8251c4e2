"""The kernel size that every output channel chooses, against the size of the object.

Figure 7 of Altstidl et al. 2022 (arXiv 2211.10288): slice_pool, emoji, mid2rest, the class smile,
the most accurate seed. Differs from it: dots and colour bar have one scale.
"""

from textwrap import wrap

import pandas
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

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
from isotrope.figures._style import SINGLE, add_foot, blank, look

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
def draw(
    tables: Tables, published: pandas.DataFrame, arrays: Arrays
) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``index_correlation``.
        published: published numbers in long form, maybe without rows.
        arrays: those of ``index_correlation``.

    Returns:
        The figure, and what it shows: a row per channel and size of the object; sizes in pixels.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    network = network_of(tables, arrays, MODEL, maps=False)
    if network is None:
        return blank(f"{EVALUATION}: {NONE}"), _data(None)
    figure = Figure((SINGLE, 0.7 + ROW * len(network.r)), layout="constrained")
    FigureCanvasAgg(figure)  # measures words, whatever is written later
    axes = figure.subplots()
    data = _data(network)
    low, high = limits(network)
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
    axes.set_title("\n".join(wrap(network.title, TITLE_LETTERS)))
    axes.set(ylim=(len(network.r) - 0.4, -0.6), xlim=(16, 65), xticks=range(20, 61, 10))
    axes.set_xlabel("Object size (pixels)")
    axes.set_ylabel("Output channels, by Pearson's r")
    axes.set_yticks(range(len(network.r)), [words(r) for _, r in network.r], size=5)
    axes.tick_params(axis="y", length=0)
    ticks = MaxNLocator(integer=True)
    figure.colorbar(dots, ax=axes, label=BAR, pad=0.03, aspect=40, ticks=ticks)
    said, theirs = sentences(network, tables, published)
    add_foot(figure, [], said)
    kept = ["place", "scenario", "name", "model", "accuracy", "origin"]
    return figure, pandas.concat([data, theirs[kept]], ignore_index=True)


def _data(network: Network | None) -> pandas.DataFrame:
    """What the dots show, the channel with the largest r first."""
    columns = ["run", "point", "seed", "place", "scenario", "name", "model", "channel", "rank"]
    columns += ["pearson_r", "scale", "kernel_size", "origin"]
    if network is None:
        return pandas.DataFrame(columns=columns)
    first = network.rows.iloc[0]
    facts = {column: first[column] for column in ("run", "point", *columns[3:7])}
    return pandas.DataFrame(
        [
            facts
            | {"seed": network.seed, "channel": channel, "rank": rank, "pearson_r": r}
            | {"scale": int(scale), "kernel_size": int(size), "origin": "measured"}
            for rank, (channel, r) in enumerate(network.r)
            for scale, size in zip(network.scales, network.sizes[:, channel], strict=True)
        ],
        columns=columns,
    )
