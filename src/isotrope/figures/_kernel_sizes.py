"""The kernel sizes that one network chose for one object: what the figures on them share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas
from numpy.typing import NDArray

from isotrope.figures._published import published_cells
from isotrope.figures._series import (
    PLACE,
    Tables,
    in_order,
    lost_seeds,
    measured,
    origin,
    panel_title,
    places,
    seeds,
    within,
)

Arrays = Mapping[str, Mapping[str, NDArray[Any]]]  # of each table, its arrays by name

EVALUATION = "index_correlation"
POOL = "pool2"  # of the published figures
AT = ("stir/emoji", "mid2rest")  # of the published figures
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


def network_of(tables: Tables, arrays: Arrays, model: str, maps: bool) -> Network | None:
    """The network that a figure shows.

    It is of the published data set and scenario, or else of the first that there are; of the
    published model, or else of the first with such arrays.

    Args:
        tables: ``runs`` and ``index_correlation``.
        arrays: those of ``index_correlation``.
        model: the published one.
        maps: whether its pool chooses anew at every pixel.

    Returns:
        None if no network of this kind has arrays.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows = measured(tables, EVALUATION, "pearson_r")
    rows = rows[rows["pool"].eq(POOL)]
    stored = arrays[EVALUATION]
    rows = rows.assign(key=rows["run"] + "/" + rows["point"])
    fit = {
        key: (name := f"{key}/{POOL}_kernel_sizes") in stored and stored[name].ndim == 2 + 2 * maps
        for key in set(rows["key"])
    }
    rows = rows[rows["key"].map(fit).astype(bool)]
    if rows.empty:
        return None
    found = places(rows)
    at = AT if AT in found else found[0]
    rows = within(rows, [at])
    published = rows[rows["model"].eq(model)]
    rows = rows if published.empty else published
    name = in_order(rows)[0]
    rows = rows[rows["name"].eq(name)]
    rows = rows[rows["key"].eq(rows["key"].iloc[0])]
    key, its = rows["key"].iloc[0], rows.drop(columns="key")
    seed = int(stored[f"{key}/seed"])
    channels = its[its["seed"].eq(seed)].sort_values("channel")
    falling = channels.sort_values("value", ascending=False, na_position="last", kind="stable")
    return Network(
        rows=its,
        title=f"{name}, {panel_title(*at)}, seed {seed}",
        seed=seed,
        scales=stored[f"{key}/scales"],
        sizes=stored[f"{key}/{POOL}_kernel_sizes"],
        r=list(zip(falling["channel"].astype(int), falling["value"].astype(float), strict=True)),
    )


def sentences(
    network: Network, tables: Tables, published: pandas.DataFrame
) -> tuple[list[str], pandas.DataFrame]:
    """How the figure was made, and the published row that is told of in it, if there is one."""
    count = seeds([network.rows["seed"].nunique()])
    accuracy = network.rows.assign(collapsed=0, n=1).drop_duplicates([*PLACE, "name"])
    theirs = published_cells(accuracy, published, "accuracy", ["maximum"])
    best = [
        f"The best published network has {100 * value:.1f} % test accuracy."
        for value in theirs["maximum"]
    ]
    never = sum(np.isnan(r) for _, r in network.r)
    constant = [f"Channels with one kernel size throughout: {never}."] if never else []
    said = [
        f"One object at several sizes; the best network of {count}.",
        *constant,
        *origin(network.rows, theirs, published),
        *best,
        *lost_seeds(network.rows, tables["runs"], "not shown", "not shown unless the best"),
    ]
    return said, theirs.rename(columns={"maximum": "accuracy"})


def words(r: float) -> str:
    """A correlation with two digits; ``none`` where the kernel size is always the same."""
    return "none" if np.isnan(r) else f"{r:.2f}".replace("-", "\N{MINUS SIGN}")


def limits(network: Network) -> tuple[float, float]:
    """The smallest and the largest kernel size, for the colours of the picture and of its bar."""
    low, high = float(np.min(network.sizes)), float(np.max(network.sizes))
    return (low, high) if low < high else (low - 1, high + 1)
