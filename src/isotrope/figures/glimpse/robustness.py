"""Accuracy against the size of a perturbation, attack by attack, under one protocol.

A panel for each attack, the worst of all first; in each a line for each network. A network that
draws at random is right about an image if most of its fresh draws are; where the mean accuracy of
a draw is another, it is dashed.
"""

from typing import Any

import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isotrope.figures.general._lines import draw_line
from isotrope.figures.glimpse._attacks import COLUMNS as COLUMNS_OF_ATTACKS
from isotrope.figures.glimpse._attacks import NORMS, alarms, in_order, in_words, legend
from isotrope.results.series import Tables, lost_seeds, means_of, measured, origin
from isotrope.results.statistics import FEWEST
from isotrope.results.style import GREY, Style, add_foot, look, panels, styles_of

TITLE = "Accuracy under attack"
TABLES = ("runs", "adversarial")
COLUMNS = {"runs": {"training.epochs": "number"}, "adversarial": COLUMNS_OF_ATTACKS}
CAPTION = (
    "Accuracy on attacked test images against the largest change of a pixel (or, in L2, of the "
    "image) on a scale of 0 to 1. A panel for each attack; first the worst of all attacks, image "
    "by image. Solid: an image counts if most of at least 20 fresh draws of the network are "
    "right; dashed, where it is another number: the mean accuracy of a draw. Bands: 95 % "
    "interval, over seeds from three on, else over images. Below: signs that an attack has "
    "failed, which is no robustness."
)

SETTINGS = ["attack", "norm", "eps"]
APART = 0.005  # of accuracies: what is nearer is drawn as one line


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``adversarial``.

    Returns:
        The figure, and what it shows: a row per panel, series, metric, attack, norm and eps; its
        column ``interval`` says of what the interval is.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows = measured(tables, "adversarial", "robust_accuracy")
    means = pandas.concat(
        [_means(tables, metric) for metric in ("robust_accuracy", "expected_accuracy")],
        ignore_index=True,
    )
    cells, style = tables.cells, styles_of(tables)
    style = {name: style[name] for name in cells.names(rows)}
    found = _panels(tables, rows)
    places = [(title,) for title in found]
    norms = [norm for norm in NORMS if means["norm"].eq(norm).any()]
    label = f"Largest change ({', '.join(NORMS[norm] for norm in norms)})"
    figure, grid = panels(places, 1.75, (label, "Accuracy (%)"), len(places) > 1)
    dashed = False
    for place, (panel, attack, norm) in zip(places, found.values(), strict=True):
        axes = grid[place]
        axes.set_title(place[0])
        axes.set_ylim(-3, 103)
        its = cells.rows_in(means, [panel])
        its = its[its["norm"].eq(norm) & its["attack"].isin(["none", attack])]
        for name, how in style.items():
            dashed |= _draw_series(axes, its[its["name"].eq(name)], how, len(style) > 4)
    handles = legend(means, style)
    if dashed:
        kind: dict[str, Any] = {"color": GREY, "linestyle": (0, (3, 2)), "linewidth": 0.9}
        handles.append(Line2D([], [], **kind, label="mean accuracy of a draw"))
    sentences = [
        _counted(rows),
        *alarms(tables),
        *origin(rows, rows.iloc[:0], tables),
        *lost_seeds(rows, tables),
    ]
    add_foot(figure, handles, sentences)
    return figure, means.astype({"n": "Int64", "collapsed": "Int64", "diverged": "Int64"})


def _counted(rows: pandas.DataFrame) -> str:
    counts = sorted({int(count) for count in rows["n"]})
    images = str(counts[0]) if len(counts) == 1 else f"{counts[0]}-{counts[-1]}"
    return f"{images} images; bands: 95 % interval, over seeds from {FEWEST} on, else over images."


def _means(tables: Tables, metric: str) -> pandas.DataFrame:
    """Means over seeds of a metric; with few seeds the interval is the mean one over images."""
    by = [*tables.panel, "name", "model", *SETTINGS]
    means = means_of(measured(tables, "adversarial", metric), tables, SETTINGS)
    for bound in ("low", "high"):
        of_images = means_of(measured(tables, "adversarial", f"{metric}_{bound}"), tables, SETTINGS)
        of_images = of_images[[*by, "mean"]].rename(columns={"mean": f"images_{bound}"})
        means = means.merge(of_images, on=by, how="left")
        few = means["n"] < FEWEST
        means[bound] = means[bound].where(~few, means.pop(f"images_{bound}"))
    words = {True: "images", False: "seeds"}
    return means.assign(metric=metric, interval=[words[count < FEWEST] for count in means["n"]])


def _panels(tables: Tables, rows: pandas.DataFrame) -> dict[str, tuple[Any, str, str]]:
    """The panels by title: data set, attack and norm."""
    cells = tables.cells
    several = len(cells.panels(rows)) > 1, rows["norm"].nunique() > 1
    found = {}
    for panel in cells.panels(rows):
        its = cells.rows_in(rows, [panel])
        for norm in (one for one in NORMS if its["norm"].eq(one).any()):
            attacks = its.loc[its["norm"].eq(norm) & its["attack"].ne("none"), "attack"]
            for attack in in_order(attacks):
                title = in_words(cells.title(panel), attack, norm, several)
                found[title] = (panel, attack, norm)
    return found


def _draw_series(axes: Axes, line: pandas.DataFrame, its: Style, crowded: bool) -> bool:
    """A network in a panel; whether its expected accuracy is drawn, too."""
    by_metric = {m: rows.sort_values("eps") for m, rows in line.groupby("metric")}
    robust = by_metric.get("robust_accuracy", line)
    if not robust["attack"].ne("none").any():
        return False
    if robust["n"].min() < FEWEST:
        axes.fill_between(
            robust["eps"],
            100 * robust["low"].clip(0, 1),
            100 * robust["high"].clip(0, 1),
            color=its.colour,
            alpha=0.12,
            linewidth=0,
        )
    draw_line(axes, robust["eps"], robust, its, crowded)
    expected = by_metric.get("expected_accuracy", robust)
    if np.abs(expected["mean"].to_numpy() - robust["mean"].to_numpy()).max() <= APART:
        return False
    axes.plot(
        expected["eps"],
        100 * expected["mean"],
        color=its.colour,
        linestyle=(0, (3, 2)),
        linewidth=0.9,
        zorder=3,
    )
    return True
