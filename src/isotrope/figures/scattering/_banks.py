"""The filter banks that are shown: what the figures of ``filter_banks`` share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from isotrope.results.series import Tables, origin
from isotrope.results.style import add_foot

TABLE = "filter_banks"
COLUMNS = {"runs": {"training.epochs": "number"}, TABLE: {"weights": "text"}}
NONE = "no network here has a filter bank with such arrays"
BEFORE, AFTER = "before", "after"  # end the names of arrays
STATES = {BEFORE: "before training", AFTER: "after training"}


@dataclass(frozen=True, eq=False)
class Bank:
    """The filters of one seed.

    Args:
        rows: its row of ``runs``.
        title: its series, data set and seed in words.
        arrays: its arrays by name.
    """

    rows: pandas.DataFrame
    title: str
    arrays: Mapping[str, NDArray[Any]]

    @property
    def moved(self) -> bool:
        """Whether the filters are others after training than before."""
        before = self.arrays.get(f"spectra_{BEFORE}")
        return before is not None and not np.allclose(before, self.arrays[f"spectra_{AFTER}"])

    @property
    def angles(self) -> int:
        """The number of directions, which stand side by side."""
        return int(self.arrays["shape"][1])

    @property
    def states(self) -> list[str]:
        """Before and after training, as far as it is known how it began."""
        return [state for state in STATES if f"spectra_{state}" in self.arrays]

    def facts(self, tables: Tables) -> dict[str, Any]:
        """The columns that tell the network in the numbers of a figure."""
        first = self.rows.iloc[0]
        return {name: first[name] for name in (*tables.panel, "name", "model", "seed")}


def banks(tables: Tables) -> list[Bank]:
    """The best seed of every series that has filters; first those that have learned them."""
    stored, runs, cells = tables.arrays[TABLE], tables.runs, tables.cells
    found = []
    for panel in cells.panels(runs):
        of_panel = cells.rows_in(runs, [panel])
        for name in cells.names(of_panel):
            rows = cells.series_in(of_panel, panel, name)
            key = f"{rows['run'].iloc[0]}/{rows['point'].iloc[0]}/"
            arrays = {n.removeprefix(key): a for n, a in stored.items() if n.startswith(key)}
            if f"spectra_{AFTER}" in arrays:
                seed = int(arrays["seed"])
                title = f"{name}, {cells.title(panel)}, seed {seed}"
                found.append(Bank(rows[rows["seed"].eq(seed)], title, arrays))
    return sorted(found, key=lambda bank: not bank.moved)


def mosaic(pictures: NDArray[Any], across: int) -> NDArray[np.float64]:
    """Pictures ``(n, height, width)`` in rows, each scaled to -1..1; a line of NaN between them."""
    values = pictures.astype(np.float64)
    largest = np.abs(values).max(axis=(1, 2), keepdims=True)
    values = values / np.where(largest > 0, largest, 1)
    count, height, width = values.shape
    rows = -(-count // across)
    found = np.full((rows * (height + 1) - 1, across * (width + 1) - 1), np.nan)
    for index, picture in enumerate(values):
        row, column = divmod(index, across)
        top, left = row * (height + 1), column * (width + 1)
        found[top : top + height, left : left + width] = picture
    return found


def draw_mosaic(axes: Axes, pictures: NDArray[Any], across: int) -> None:
    """Red is positive, blue negative."""
    axes.imshow(mosaic(pictures, across), cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def add_words(figure: Figure, tables: Tables, shown: Sequence[Bank], *sentences: str) -> None:
    """Say below a figure which networks it shows."""
    rows = pandas.concat([bank.rows for bank in shown])
    words = origin(rows, rows.iloc[:0], tables)
    titles = "; ".join(bank.title for bank in shown)
    add_foot(figure, [], [f"{titles}.", *sentences, *words])


def no_rows(tables: Tables, *columns: str) -> pandas.DataFrame:
    """The numbers of a figure that has nothing to show."""
    return pandas.DataFrame(columns=[*tables.panel, "name", "model", "seed", *columns])
