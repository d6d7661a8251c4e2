"""The network whose kernels and maps are shown: what the figures of ``log_polar_maps`` share."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas
from matplotlib.figure import Figure
from numpy.typing import NDArray

from isotrope.results.series import Tables, origin
from isotrope.results.style import add_foot, blank

TABLE = "log_polar_maps"
COLUMNS = {"runs": {"training.epochs": "number"}, TABLE: {"layer": "text"}}
NONE = "no network here has log-polar convolutions with such arrays"


@dataclass(frozen=True, eq=False)
class Network:
    """One seed of a run.

    Args:
        rows: its row of ``runs``.
        title: its series, data set and seed in words.
        arrays: its arrays by name.
        layers: those of its layers that have the arrays asked for, from the first.
    """

    rows: pandas.DataFrame
    title: str
    arrays: dict[str, NDArray[Any]]
    layers: list[str]


def network_of(tables: Tables, kind: str) -> Network | None:
    """The first series whose best seed has arrays of a kind: ``kernels`` or ``radius``."""
    stored, runs, cells = tables.arrays[TABLE], tables.runs, tables.cells
    for panel in cells.panels(runs):
        of_panel = cells.rows_in(runs, [panel])
        for name in cells.names(of_panel):
            rows = cells.series_in(of_panel, panel, name)
            key = f"{rows['run'].iloc[0]}/{rows['point'].iloc[0]}/"
            arrays = {n.removeprefix(key): a for n, a in stored.items() if n.startswith(key)}
            layers = sorted(n.removeprefix(f"{kind}_") for n in arrays if n.startswith(f"{kind}_"))
            if layers:
                seed = int(arrays["seed"])
                title = f"{name}, {cells.title(panel)}, seed {seed}"
                return Network(rows[rows["seed"].eq(seed)], title, arrays, layers)
    return None


def nothing() -> Figure:
    """The figure where there is no such network."""
    return blank(NONE)


def add_words(figure: Figure, tables: Tables, network: Network, sentence: str) -> None:
    """Say below a figure what it shows."""
    words = origin(network.rows, network.rows.iloc[:0], tables)
    add_foot(figure, [], [f"{network.title}.", sentence, *words])


def data_of(
    tables: Tables, network: Network | None, columns: list[str], rows: list[list[Any]]
) -> pandas.DataFrame:
    """Rows of numbers with what tells the network."""
    data = pandas.DataFrame(rows, columns=columns)
    if network is None:
        return data.reindex(columns=[*tables.panel, "name", "model", "seed", *columns])
    names = [*tables.panel, "name", "model", "seed"]
    first = network.rows.iloc[0]
    return data.assign(**{name: first[name] for name in names})[[*names, *columns]]


def mosaic(pictures: NDArray[np.float64], columns: int, between: int) -> NDArray[np.float64]:
    """Pictures ``(n, height, width)`` side by side in rows, NaN between them."""
    count, height, width = pictures.shape
    rows = -(-count // columns)
    whole = (rows * (height + between) - between, columns * (width + between) - between)
    found = np.full(whole, np.nan)
    for i, picture in enumerate(pictures):
        row, column = divmod(i, columns)
        top, left = row * (height + between), column * (width + between)
        found[top : top + height, left : left + width] = picture
    return found
