"""The kernel sizes that one network chose for one object: what the figures on them share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from isotrope.results.cells import title
from isotrope.results.lines import in_lines
from isotrope.results.published import published_cells
from isotrope.results.series import Tables, lost_seeds, measured, origin, seeds
from isotrope.results.style import add_foot, blank, new_figure

EVALUATION = "index_correlation"
POOL = "pool2"  # of the published figures
PANEL = ("stir/emoji", "mid2rest")  # of the published figures
COLOURS = "viridis"  # its lightness rises evenly, so that it is readable in grey
BAR = "Chosen kernel size (pixels)"


@dataclass(frozen=True)
class Network:
    """One network, and the kernel sizes that its second pool chose for the illustrated object.

    Args:
        rows: of all seeds of its run and point, from ``measured``.
        title: series, data set, scenario and seed.
        seed: whose network it is.
        scales: sizes of the object, in pixels.
        sizes: chosen kernel sizes in pixels, ``(scales, channels)`` or
            ``(scales, channels, height, width)``.
        r: channels, each with Pearson's r between the sizes of object and kernel, falling; NaN
            where the kernel is always the same, at the end.
    """

    rows: pandas.DataFrame
    title: str
    seed: int
    scales: NDArray[Any]
    sizes: NDArray[Any]
    r: list[tuple[int, float]]


def network_of(tables: Tables, model: str, maps: bool) -> Network | None:
    """The network that a figure shows.

    It is of the published data set and scenario, or else of the first that there are; of the
    published model, or else of the first with such arrays.

    Args:
        tables: ``runs`` and ``index_correlation`` with its arrays.
        model: the published one.
        maps: whether its pool chooses anew at every pixel.

    Returns:
        None if no network of this kind has arrays.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows = measured(tables, EVALUATION, "pearson_r")
    rows = rows[rows["pool"].eq(POOL)]
    stored = tables.arrays[EVALUATION]
    rows = rows.assign(key=rows["run"] + "/" + rows["point"])
    fit = {
        key: (name := f"{key}/{POOL}_kernel_sizes") in stored and stored[name].ndim == 2 + 2 * maps
        for key in set(rows["key"])
    }
    rows = rows[rows["key"].map(fit).astype(bool)]
    if rows.empty:
        return None
    found = tables.cells.panels(rows)
    panel = PANEL if PANEL in found else found[0]
    rows = tables.cells.rows_in(rows, [panel])
    published = rows[rows["model"].eq(model)]
    rows = rows if published.empty else published
    name = tables.cells.names(rows)[0]
    rows = rows[rows["name"].eq(name)]
    rows = rows[rows["key"].eq(rows["key"].iloc[0])]
    key, its = rows["key"].iloc[0], rows.drop(columns="key")
    seed = int(stored[f"{key}/seed"])
    channels = its[its["seed"].eq(seed)].sort_values("channel")
    falling = channels.sort_values("value", ascending=False, na_position="last", kind="stable")
    return Network(
        rows=its,
        title=f"{name}, {title(panel)}, seed {seed}",
        seed=seed,
        scales=stored[f"{key}/scales"],
        sizes=stored[f"{key}/{POOL}_kernel_sizes"],
        r=list(zip(falling["channel"].astype(int), falling["value"].astype(float), strict=True)),
    )


def sentences(network: Network, tables: Tables) -> tuple[list[str], pandas.DataFrame]:
    """How the figure was made, and the published row that is told of in it, if there is one."""
    count = seeds([network.rows["seed"].nunique()])
    accuracy = network.rows.assign(collapsed=0, n=1).drop_duplicates([*tables.panel, "name"])
    theirs = published_cells(accuracy, tables, "accuracy", ["maximum"])
    best = [
        f"The best published network has {100 * value:.1f} % test accuracy."
        for value in theirs["maximum"]
    ]
    never = sum(np.isnan(r) for _, r in network.r)
    constant = [f"Channels with one kernel size throughout: {never}."] if never else []
    said = [
        f"One object at several sizes; the best network of {count}.",
        *constant,
        *origin(network.rows, theirs, tables),
        *best,
        *lost_seeds(network.rows, tables, "not shown", "not shown unless the best"),
    ]
    return said, theirs.rename(columns={"maximum": "accuracy"})


def words(r: float) -> str:
    """A correlation with two digits; ``none`` where the kernel size is always the same."""
    return "none" if np.isnan(r) else f"{r:.2f}".replace("-", "\N{MINUS SIGN}")


def limits(network: Network) -> tuple[float, float]:
    """The smallest and the largest kernel size, for the colours of the picture and of its bar."""
    low, high = float(np.min(network.sizes)), float(np.max(network.sizes))
    return (low, high) if low < high else (low - 1, high + 1)


def draw_network(
    tables: Tables,
    network: Network | None,
    nothing: str,
    size: Callable[[Network], tuple[float, float]],
    paint: Callable[[Axes, Network, tuple[float, float]], ScalarMappable],
    letters: int,
    space: float,
) -> Figure:
    """A figure of one network's kernel sizes with the bar of their colours.

    Args:
        tables: for what is said below the picture.
        network: from ``network_of``.
        nothing: what is said where there is no network.
        size: of the figure without its foot, in inches.
        paint: draws the sizes, whose limits it is given; returns what the bar explains.
        letters: of the title, in one line.
        space: between picture and bar, as a share of the picture's width.
    """
    if network is None:
        return blank(f"{EVALUATION}: {nothing}")
    figure = new_figure(*size(network))
    axes = figure.subplots()
    painted = paint(axes, network, limits(network))
    axes.set_title(in_lines(network.title, letters))
    axes.set_xlabel("Object size (pixels)")
    ticks = MaxNLocator(integer=True)
    figure.colorbar(painted, ax=axes, label=BAR, pad=space, aspect=40, ticks=ticks)
    add_foot(figure, [], sentences(network, tables)[0])
    return figure


def data_of(
    tables: Tables,
    network: Network | None,
    columns: Sequence[str],
    rows: Callable[[Network], Sequence[dict[str, Any]]],
) -> pandas.DataFrame:
    """What a figure shows: ``rows`` of the network, then the published row that is told of.

    Args:
        tables: for the published row.
        network: from ``network_of``.
        columns: of ``rows``, from ``channel`` on.
        rows: a row for each channel and size of the object.
    """
    whole = ["run", "point", "seed", *tables.panel, "name", "model", *columns, "origin"]
    if network is None:
        return pandas.DataFrame(columns=whole)
    first = network.rows.iloc[0]
    facts = {column: first[column] for column in ("run", "point", *tables.panel, "name", "model")}
    facts |= {"seed": network.seed, "origin": "measured"}
    ours = pandas.DataFrame([facts | row for row in rows(network)], columns=whole)
    theirs = sentences(network, tables)[1]
    kept = [*tables.panel, "name", "model", "accuracy", "origin"]
    return pandas.concat([ours, theirs[kept]], ignore_index=True)
