"""Accuracy against the mean number of glimpses where networks stop as soon as they are sure.

Along a line the threshold of the largest probability rises. The threshold that was chosen on
validation images is marked, and so are all glimpses.
"""

from typing import Any

import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isotrope.results.series import Tables, lost_seeds, means_of, measured, origin, seeds
from isotrope.results.statistics import FEWEST
from isotrope.results.style import GREY, Style, add_foot, look, panels, styles_of

TITLE = "Accuracy by glimpses of networks that stop when they are sure"
TABLES = ("runs", "confident_stop")
COLUMNS = {"runs": {"training.epochs": "number"}, "confident_stop": {"threshold": "number"}}
CAPTION = (
    "Test accuracy against the mean number of glimpses of networks that answer as soon as their "
    "largest probability reaches a threshold, which rises along each line. Star: the threshold "
    "that was chosen on validation images, as the one with the fewest glimpses that loses next to "
    "nothing there. Hollow: all glimpses. Means over seeds; bars at the stars: 95 % interval "
    "(Student's t) of accuracy and glimpses."
)

CHOSEN: dict[str, Any] = {"marker": "*", "markersize": 9, "markeredgewidth": 0.5, "zorder": 6}
FULL: dict[str, Any] = {
    "marker": "o",
    "markersize": 5,
    "markerfacecolor": "white",
    "markeredgewidth": 0.9,
    "zorder": 5,
}
METRICS = ("accuracy", "glimpses")


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``confident_stop``.

    Returns:
        The figure, and what it shows: a row per panel, series, metric and threshold, which is
        missing in the rows of the chosen threshold and of all glimpses.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    kept = []
    for metric in ("accuracy", "glimpses"):
        rows = measured(tables, "confident_stop", metric)
        means = means_of(rows, tables, ["threshold"])
        kept.append(means.assign(metric=metric))
    for metric in (f"{what}_{one}" for what in ("chosen", "full") for one in METRICS):
        rows = measured(tables, "confident_stop", metric)
        kept.append(means_of(rows, tables).assign(metric=metric))
    means = pandas.concat(kept, ignore_index=True)
    cells, style = tables.cells, styles_of(tables)
    found = cells.panels(rows)
    figure, grid = panels(found, 2.2, ("Glimpses (mean)", "Test accuracy (%)"), len(found) > 1)
    said = []
    for panel in found:
        axes = grid[panel]
        axes.set_title(cells.title(panel))
        for name in cells.names(cells.rows_in(rows, [panel])):
            line = cells.series_in(means, panel, name)
            said.append(_draw_series(axes, line, name, style[name]))
        axes.set_xlim(left=0)
    names = cells.names(rows)
    sentences = [
        "Chosen on validation images: " + "; ".join(said) + ".",
        f"Bars: 95 % interval over seeds, from {FEWEST} on.",
        *origin(rows, rows.iloc[:0], tables),
        *lost_seeds(rows, tables),
    ]
    add_foot(figure, _legend(names, means, style), sentences)
    return figure, means.astype({"n": "Int64", "collapsed": "Int64", "diverged": "Int64"})


def _draw_series(axes: Axes, line: pandas.DataFrame, name: str, its: Style) -> str:
    """A line and its two marks; what the chosen threshold has reached, in words."""
    by_metric = {str(metric): rows for metric, rows in line.groupby("metric")}
    accuracy, glimpses = (by_metric[one].sort_values("threshold") for one in METRICS)
    at = {
        what: tuple(by_metric[f"{what}_{one}"].iloc[0] for one in ("glimpses", "accuracy"))
        for what in ("chosen", "full")
    }
    x = [*glimpses["mean"], at["full"][0]["mean"]]
    y = [*(100 * accuracy["mean"]), 100 * at["full"][1]["mean"]]
    axes.plot(x, y, color=its.colour, marker=its.marker, linestyle=its.line, markersize=2.6)
    count, share = at["chosen"]
    if share["n"] >= FEWEST:
        axes.errorbar(
            count["mean"],
            100 * share["mean"],
            xerr=count["high"] - count["mean"],
            yerr=100 * (share["high"] - share["mean"]),
            color=its.colour,
            elinewidth=0.8,
            zorder=5,
        )
    axes.plot(
        count["mean"], 100 * share["mean"], color=its.colour, markeredgecolor="black", **CHOSEN
    )
    whole, best = at["full"]
    axes.plot(whole["mean"], 100 * best["mean"], color=its.colour, **FULL)
    return (
        f"{name} {count['mean']:.1f} of {whole['mean']:.0f} glimpses, "
        f"{100 * share['mean']:.1f} % for {100 * best['mean']:.1f} %"
    )


def _legend(names: list[str], means: pandas.DataFrame, style: dict[str, Style]) -> list[Artist]:
    handles: list[Artist] = []
    for name in names:
        its, count = style[name], seeds(list(means.loc[means["name"].eq(name), "n"]))
        kind: dict[str, Any] = {"color": its.colour, "linestyle": its.line, "marker": its.marker}
        handles.append(Line2D([], [], **kind, label=f"{name} ({count})"))
    plain: dict[str, Any] = {"color": GREY, "linestyle": ""}
    handles.append(Line2D([], [], **plain, **CHOSEN, label="threshold chosen on validation"))
    handles.append(Line2D([], [], **plain, **FULL, label="all glimpses"))
    return handles
