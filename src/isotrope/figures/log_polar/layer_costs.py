"""Time and memory of a log-polar convolution against channels, radii, angles and side.

Drawn from the table that ``benchmarks/log_polar.py --csv`` writes. Only one of the four changes in
a panel; the others are those with the most values measured. The floor is what input, output,
weights and indices take by themselves.
"""

from typing import Any

import numpy as np
import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isotrope.errors import UserError
from isotrope.results.series import Tables
from isotrope.results.style import DOUBLE, SMALL, add_foot, logarithmic, look, new_figure, styles

TITLE = "Time and memory of a log-polar convolution"
TABLES = ("layer_costs",)
COLUMNS = {
    "layer_costs": {
        "implementation": "text",
        "channels": "number",
        "radii": "number",
        "angles": "number",
        "side": "number",
    }
}
CAPTION = (
    "Time and peak memory of a log-polar convolution against the number of channels, radii and "
    "angles, and the side of the image, on logarithmic axes; the others are as written in each "
    "panel. Dotted: the floor, what input, output, weights and indices take by themselves."
)

SIZES = ("channels", "radii", "angles", "side")
METRICS = {"milliseconds": "Time (ms)", "mebibytes": "Peak memory (MiB)"}
FLOOR: dict[str, Any] = {"color": "black", "linestyle": (0, (1, 1.5)), "linewidth": 1.1}


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``layer_costs``.

    Returns:
        The figure, and what it shows: a row per panel (``against``), implementation, metric and
        size.

    Raises:
        UserError: if the table has no time and no memory.
    """
    costs = tables["layer_costs"]
    shown = [metric for metric in METRICS if costs["metric"].eq(metric).any()]
    if not shown:
        raise UserError(
            "layer_costs.csv has neither milliseconds nor mebibytes; run `benchmarks/log_polar.py "
            "--csv` to write it again"
        )
    names = list(dict.fromkeys(costs.loc[costs["metric"].isin(METRICS), "implementation"]))
    style = styles(names)
    figure = new_figure(DOUBLE, 1.75 * len(shown) + 0.3)
    grid = figure.subplots(len(shown), len(SIZES), sharex="col", sharey="row", squeeze=False)
    found = []
    for column, size in enumerate(SIZES):
        series, others = _against(costs, size)
        for row, metric in enumerate(shown):
            axes = grid[row, column]
            for name, its in style.items():
                line = _line(series, metric, size, name)
                kind = {"color": its.colour, "marker": its.marker, "linestyle": its.line}
                axes.plot(line[size], line["value"], markersize=3.4, linewidth=1.1, **kind)
                found.append(line)
            if metric == "mebibytes":
                floor = _line(series, "floor_mebibytes", size)
                axes.plot(floor[size], floor["value"], **FLOOR)
                found.append(floor)
            _fit(axes, series[size])
            axes.set_yscale("log")
        grid[0, column].set_title("\n".join(others), size=SMALL)
        grid[-1, column].set_xlabel(size.capitalize())
    for axes, metric in zip(grid[:, 0], shown, strict=True):
        axes.set_ylabel(METRICS[metric])
    repeats = sorted({int(n) for n in costs.loc[costs["metric"].eq("milliseconds"), "n"]})
    times = f"; times: median of {'-'.join(str(n) for n in repeats)}" if repeats else ""
    runs = "; ".join(dict.fromkeys(costs["run"]))
    add_foot(figure, _legend(style, costs), [f"Measured: {runs}{times}."])
    return figure, pandas.concat(found, ignore_index=True)


def _against(costs: pandas.DataFrame, size: str) -> tuple[pandas.DataFrame, list[str]]:
    """The rows in which one size has the most values, and the others in words."""
    others = [name for name in SIZES if name != size]
    counts = costs.groupby(others)[size].nunique()
    best = counts.index[int(np.argmax(counts.to_numpy()))]
    chosen = np.logical_and.reduce(
        [costs[name].eq(value) for name, value in zip(others, best, strict=True)]
    )
    words = [f"{name} {value:g}" for name, value in zip(others, best, strict=True)]
    return costs[chosen].assign(against=size), [", ".join(words[:2]), words[2]]


def _line(
    series: pandas.DataFrame, metric: str, size: str, name: str | None = None
) -> pandas.DataFrame:
    """One metric of an implementation, or of all, against a size; means where it stands twice."""
    rows = series[series["metric"].eq(metric)]
    if name is not None:
        rows = rows[rows["implementation"].eq(name)]
    line = rows.groupby(size)[["value"]].mean().reset_index()
    return line.assign(against=size, metric=metric, implementation=name or "floor")


def _fit(axes: Axes, values: pandas.Series) -> None:
    """A logarithmic axis with the sizes that were measured."""
    logarithmic(axes, (1,))
    ticks = sorted(set(values))
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()


def _legend(style: Any, costs: pandas.DataFrame) -> list[Artist]:
    """The implementations, and the floor if it is there."""
    handles: list[Artist] = [
        Line2D([], [], color=its.colour, marker=its.marker, linestyle=its.line, label=name)
        for name, its in style.items()
    ]
    if costs["metric"].eq("floor_mebibytes").any():
        handles.append(Line2D([], [], **FLOOR, label="floor"))
    return handles
