"""Accuracy against the size of the object: what the figures of this form share."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from isotrope.results.cells import Cells, Panel
from isotrope.results.published import published_beside
from isotrope.results.series import Tables, lost_seeds, means_of, origin, seeds
from isotrope.results.statistics import FEWEST
from isotrope.results.style import CHANCE, Style, styles_of
from isotrope.studies.scale.cells import SCENARIOS

EVALUATION = "scale_generalization"
TRAINED: dict[str, Any] = {"color": "0.91", "linewidth": 0}


def means_at_sizes(
    rows: pandas.DataFrame, tables: Tables
) -> tuple[pandas.DataFrame, pandas.DataFrame, dict[str, Style]]:
    """Measured and published means at every size, and the style of each series."""
    style = styles_of(tables)
    style = {name: style[name] for name in tables.cells.names(rows)}
    means = means_of(rows, tables, ["scale"])
    return means, published_beside(means, tables, EVALUATION, settings=["scale"]), style


def draw_ground(axes: Axes, panel: Panel, guessing: float | None) -> None:
    """A panel without its lines: axes, the sizes that were trained on, and guessing."""
    axes.set(xlim=(16.5, 64.5), ylim=(-3, 103), xticks=range(20, 61, 10), yticks=range(0, 101, 25))
    if panel[1] in SCENARIOS:
        first, last = SCENARIOS[panel[1]]
        axes.axvspan(first - 0.5, last + 0.5, **TRAINED, zorder=0)
    if guessing is not None:
        axes.axhline(guessing, **CHANCE, zorder=1)


def draw_band(
    axes: Axes, line: pandas.DataFrame, colour: str, alpha: float, edge: float = 0
) -> None:
    """The interval of a line of means, where they are known well enough for one."""
    if "low" in line and len(line) and line["n"].min() >= FEWEST:
        band = 100 * line["low"], 100 * line["high"]
        axes.fill_between(line["scale"], *band, color=colour, alpha=alpha, linewidth=edge)


def series_handles(means: pandas.DataFrame, style: Mapping[str, Style]) -> list[Artist]:
    """A line of the legend for each series with its number of seeds."""
    handles: list[Artist] = []
    for name, its in style.items():
        count = seeds(list(means.loc[means["name"].eq(name), "n"]))
        kind = {"color": its.colour, "linestyle": its.line, "marker": its.marker}
        handles.append(Line2D([], [], **kind, label=f"{name} ({count})"))
    return handles


def ground_handles(found: Sequence[Panel], cells: Cells, rows: pandas.DataFrame) -> list[Artist]:
    """The entries of the legend for what lies behind the lines."""
    handles: list[Artist] = []
    if any(panel[1] in SCENARIOS for panel in found):
        handles.append(Patch(**TRAINED, label="sizes trained on"))
    if any(cells.guessing(rows, panel) for panel in found):
        handles.append(Line2D([], [], **CHANCE, label="chance level"))
    return handles


def sentences(rows: pandas.DataFrame, beside: pandas.DataFrame, tables: Tables) -> list[str]:
    """How the figure was made."""
    return [
        f"Lines: mean over seeds; bands: its 95 % interval, from {FEWEST} seeds on.",
        *origin(rows, beside, tables),
        *lost_seeds(rows, tables),
    ]
