"""How decided the layers are that learn a phase, epoch by epoch, and their temperature.

Drawn from what such networks record (``training.monitor``): see `isotrope.models.shift_resnet`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from isotrope.results.series import Tables, origin
from isotrope.results.style import (
    DOUBLE,
    GREY,
    Style,
    add_foot,
    blank,
    look,
    new_figure,
    styles,
    wrapped,
)

TITLE = "Temperature and undecidedness of learned phases"
TABLES = ("runs",)
ARRAYS = ("recordings",)
COLUMNS = {"runs": {"training.epochs": "number"}}
CAPTION = (
    "Above: the temperature of learned phases, epoch by epoch. Below: the entropy of the choice "
    "among phases in each layer, as a share of that of phases that are all alike: of the softmax "
    "of the logits (solid), and of the weights with which phases were mixed in training, noise "
    "included (dashed); at 0 one phase is taken whole. Means over seeds."
)

MOST = 4  # series, side by side
KINDS: dict[str, Any] = {
    "phase_entropy": {"linestyle": "-"},
    "mixture_entropy": {"linestyle": (0, (4, 1.5))},
}
SAID = {"phase_entropy": "of the logits", "mixture_entropy": "of the mixtures"}
NONE = "no network here recorded its temperature (training.monitor)"


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, and the arrays ``recordings``.

    Returns:
        The figure, and what it shows: a row per panel, series, layer, quantity (``tau``,
        ``phase_entropy``, ``mixture_entropy``) and epoch; entropies as shares of the largest.
    """
    data = _data(tables)
    if data.empty:
        return blank(NONE), data
    cells = tables.cells
    series = [
        (panel, name)
        for panel in cells.panels(data)
        for name in cells.names(cells.rows_in(data, [panel]))
    ]
    shown = series[:MOST]
    style = styles(sorted(set(data["layer"])))
    figure = new_figure(DOUBLE, 3.1)
    grid = figure.subplots(
        2, len(shown), squeeze=False, sharex="col", sharey="row", height_ratios=(1, 1.8)
    )
    several = len(cells.panels(data)) > 1
    for (panel, name), (above, below) in zip(shown, grid.T, strict=True):
        its = cells.series_in(data, panel, name)
        title = f"{name}, {cells.title(panel)}" if several else name
        (lines,), _ = wrapped([title], 24)
        above.set_title(lines)
        _draw_temperature(above, its)
        _draw_entropies(below, its, style)
        below.set_xlabel("Epoch")
    grid[0, 0].set_ylabel("Temperature")
    grid[1, 0].set_ylabel("Entropy (% of the largest)")
    left_out = "; ".join(f"{name}, {cells.title(panel)}" for panel, name in series[MOST:])
    known = tables.runs[tables.runs["name"].isin(data["name"])]
    sentences = [
        *([f"Left out for want of room: {left_out}."] if left_out else []),
        *origin(known[known["status"].ne("diverged")], known.iloc[:0], tables),
    ]
    add_foot(figure, _legend(style), sentences)
    return figure, data


def _data(tables: Tables) -> pandas.DataFrame:
    """Means over seeds of all that was recorded."""
    columns = [*tables.panel, "name", "model"]
    rows: list[dict[str, Any]] = []
    for run in tables.runs.to_dict("records"):
        key = f"{run['run']}/{run['point']}/{run['seed']}/"
        of_seed = {
            name.removeprefix(key): array
            for name, array in tables.arrays["recordings"].items()
            if name.startswith(key)
        }
        if run["status"] != "diverged" and "epoch" in of_seed:
            rows += [{**{c: run[c] for c in columns}, **row} for row in _rows_of(of_seed)]
    by = [*columns, "layer", "quantity", "epoch"]
    if not rows:
        return pandas.DataFrame(columns=[*by, "mean", "n"])
    found = pandas.DataFrame(rows).groupby(by, as_index=False)["value"]
    return found.agg(["mean", "size"]).rename(columns={"size": "n"})


def _rows_of(arrays: Mapping[str, NDArray[Any]]) -> list[dict[str, Any]]:
    """What one seed recorded, in rows."""
    rows = []
    for name, values in arrays.items():
        quantity, _, layer = name.partition("/")
        if quantity != "tau" and quantity not in KINDS:
            continue
        shown = values if quantity == "tau" else values / np.log(arrays[f"phases/{layer}"])
        for epoch, value in zip(arrays["epoch"], shown, strict=True):
            row = {"layer": layer, "quantity": quantity, "epoch": int(epoch)}
            rows.append({**row, "value": float(value)})
    return rows


def _draw_temperature(axes: Axes, its: pandas.DataFrame) -> None:
    """One line, for all layers have one temperature."""
    line = its[its["quantity"].eq("tau")].groupby("epoch")["mean"].mean()
    axes.plot(line.index, line, color="black", drawstyle="steps-post")
    axes.set_ylim(0, 1.08 * max(1.0, line.max()))


def _draw_entropies(axes: Axes, its: pandas.DataFrame, style: Mapping[str, Style]) -> None:
    """A solid and a dashed line for each layer."""
    for layer, look_of in style.items():
        for quantity, kind in KINDS.items():
            line = its[its["layer"].eq(layer) & its["quantity"].eq(quantity)]
            line = line.sort_values("epoch")
            axes.plot(line["epoch"], 100 * line["mean"], color=look_of.colour, **kind)
    axes.set_ylim(0, 104)


def _legend(style: Mapping[str, Style]) -> Sequence[Artist]:
    """The layers, and what is solid and dashed."""
    layers = [Line2D([], [], color=its.colour, label=name) for name, its in style.items()]
    kinds = [Line2D([], [], color=GREY, **kind, label=SAID[name]) for name, kind in KINDS.items()]
    return [*layers, *kinds]
