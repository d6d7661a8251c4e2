"""Which phases the layers choose, and whether they choose as the largest norm would.

A row for each network that chooses phases, a panel for each of its layers, and one with how often
the layers agree with APS, which takes the phase of the largest norm of the same maps.
"""

from collections.abc import Sequence
from typing import Any

import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from isotrope.results.cells import Panel
from isotrope.results.series import (
    Tables,
    lost_seeds,
    means_of,
    measured,
    measured_and_published,
    origin,
)
from isotrope.results.style import DOUBLE, add_foot, look, new_figure, rows_of_names, wrapped

TITLE = "Which phases the layers choose"
TABLES = ("runs", "phase_selection")
COLUMNS = {
    "runs": {"training.epochs": "number"},
    "phase_selection": {"weights": "text", "layer": "text", "phase": "number"},
}
CAPTION = (
    "Shares of the test images for which a layer chooses each of its phases (even or odd rows, "
    "even or odd columns), and the share of images for which it chooses the phase of the largest "
    "norm of the same maps, as APS does. Means over seeds. APS agrees with itself."
)

COLOURS = ("#332288", "#88CCEE", "#DDCC77", "#CC6677")  # of phases
PHASES = ("even rows, even columns", "even, odd", "odd, even", "odd, odd")
MARKERS = "os^Dv"  # of layers
ROW, LINE, BAR = 0.26, 0.125, 0.62  # inches of a row and of a name, and the share of it that is bar
SHOWN = ("share", "aps_agreement", "shift_agreement", "entropy", "uncertainty")


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``phase_selection``.

    Returns:
        The figure, and what it shows: a row per panel, series, layer, metric and phase; shares as
        fractions, agreements in percent.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    table = tables["phase_selection"]
    frames = {**tables.frames, "phase_selection": table[table["weights"].eq("trained")]}
    chosen = Tables(frames, tables.cells, tables.published)
    rows = measured(chosen, "phase_selection", "share")
    found = []
    for metric in SHOWN:
        some = chosen["phase_selection"]
        if some["metric"].eq(metric).any():
            its = measured(chosen, "phase_selection", metric).fillna({"phase": -1})
            means = means_of(its, tables, ["layer", "phase"])
            found.append(means.assign(metric=metric, phase=means["phase"].where(means.phase >= 0)))
    means = pandas.concat(found, ignore_index=True)
    layers = sorted(set(rows["layer"]))
    cells = tables.cells
    series = [
        (panel, name)
        for panel in cells.panels(rows)
        for name in cells.names(cells.rows_in(rows, [panel]))
    ]
    several = len(cells.panels(rows)) > 1
    said = [f"{name}, {cells.title(panel)}" if several else name for panel, name in series]
    names, lines = wrapped(said)
    figure = new_figure(DOUBLE, max(ROW, lines * LINE) * len(series) + 0.62)
    columns = len(layers) + 1
    grid = figure.subplots(1, columns, squeeze=False, sharey=True)[0]
    for axes, layer in zip(grid, layers, strict=False):
        _draw_shares(axes, layer, series, means, tables)
    _draw_agreement(grid[-1], layers, series, means, tables)
    for axes in grid:
        rows_of_names(axes, names, {"axis": "x", "color": "0.92"})
    sentences = [*origin(rows, means.iloc[:0], tables), *lost_seeds(rows, tables)]
    add_foot(figure, _legend(layers), sentences)
    return figure, measured_and_published(means, means.iloc[:0])


def _draw_shares(
    axes: Axes,
    layer: str,
    series: Sequence[tuple[Panel, str]],
    means: pandas.DataFrame,
    tables: Tables,
) -> None:
    """The phases of one layer, as parts of a bar for each series."""
    axes.set_title(layer)
    axes.set(xlim=(0, 100), xticks=(0, 25, 50, 75, 100), xlabel="Images (%)")
    for row, (panel, name) in enumerate(series):
        its = tables.cells.series_in(means, panel, name)
        its = its[its["metric"].eq("share") & its["layer"].eq(layer)].sort_values("phase")
        left = 0.0
        for at in its.to_dict("records"):
            kind: dict[str, Any] = {"height": BAR, "color": COLOURS[int(at["phase"]) % 4]}
            axes.barh(row, 100 * at["mean"], left=left, **kind, zorder=2)
            left += 100 * at["mean"]


def _draw_agreement(
    axes: Axes,
    layers: Sequence[str],
    series: Sequence[tuple[Panel, str]],
    means: pandas.DataFrame,
    tables: Tables,
) -> None:
    """How often each layer of each series chooses as APS would."""
    axes.set_title("As APS would")
    axes.set(xlim=(0, 103), xticks=(0, 25, 50, 75, 100), xlabel="Images (%)")
    for row, (panel, name) in enumerate(series):
        its = tables.cells.series_in(means, panel, name)
        its = its[its["metric"].eq("aps_agreement")]
        of_layer = dict(zip(its["layer"], its["mean"], strict=True))
        for i, layer in enumerate(layers):
            if layer in of_layer:
                down = row + BAR * ((i + 0.5) / len(layers) - 0.5)
                marker = MARKERS[i % len(MARKERS)]
                axes.plot(
                    of_layer[layer], down, color="black", marker=marker, markersize=3.2, zorder=3
                )
    axes.axvline(25, color="0.4", linewidth=0.7, linestyle=(0, (1, 2)), zorder=1)


def _legend(layers: Sequence[str]) -> list[Artist]:
    """The colours of phases and the markers of layers."""
    patches: list[Artist] = [
        Patch(color=colour, label=name) for colour, name in zip(COLOURS, PHASES, strict=True)
    ]
    for i, layer in enumerate(layers):
        kind: dict[str, Any] = {"color": "black", "linestyle": "", "markersize": 3.2}
        patches.append(Line2D([], [], **kind, marker=MARKERS[i % len(MARKERS)], label=layer))
    kind = {"color": "0.4", "linewidth": 0.7, "linestyle": (0, (1, 2))}
    patches.append(Line2D([], [], **kind, label="by chance"))
    return patches
