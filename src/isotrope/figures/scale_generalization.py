"""Accuracy against the object's size: what a network knows at sizes that it was not trained on.

One panel per data set and scenario, one line per series: the mean over seeds with its 95 %
interval, beside the published mean of the same model where there is one. With all of the scale
study this is supplementary figure 2 of Altstidl et al. 2022 (arXiv 2211.10288).
"""

from collections.abc import Sequence
from typing import Any

import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from isotrope.figures._published import published_beside
from isotrope.figures._series import (
    CLASSES,
    SCENARIOS,
    Tables,
    in_order,
    lost_seeds,
    means_of,
    measured,
    named,
    of,
    origin,
    panel_title,
    places,
    seeds,
    together,
)
from isotrope.figures._statistics import FEWEST
from isotrope.figures._style import CHANCE, GREY, Style, add_foot, look, panels, styles

TITLE = "Accuracy at every object size"
TABLES = ("runs", "scale_generalization")
COLUMNS = {"runs": {"training.epochs": "number"}, "scale_generalization": {"scale": "number"}}
CAPTION = (
    "Test accuracy against the size of the object (supplementary figure 2 of the paper). Solid "
    "markers: mean over seeds, with its 95 % interval (Student's t) as a band. Hollow markers: "
    "published means. Grey: the sizes trained on. Dotted: chance level. Below the panels: number "
    "of epochs, diverged and collapsed seeds, source of the published values."
)

STEP, WIDE_STEP = 6, 12  # pixels between two markers of a line, and where panels are crowded
PUBLISHED: dict[str, Any] = {
    "linestyle": (0, (4, 2)),
    "linewidth": 0.7,
    "markerfacecolor": "white",
    "markeredgewidth": 0.7,
    "markersize": 3.4,
}
TRAINED: dict[str, Any] = {"color": "0.91", "linewidth": 0}
CROWD = 6  # series, or panels; more are drawn finer


@look
def draw(tables: Tables, published: pandas.DataFrame) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs`` and ``scale_generalization``.
        published: published numbers in long form, maybe without rows.

    Returns:
        The figure, and what it shows: a row per place, series, origin (``measured`` or
        ``published``) and scale (pixels), accuracies as fractions.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows = measured(tables, "scale_generalization", "accuracy")
    style = styles(list(dict.fromkeys(named(tables["runs"])["name"])))
    style = {name: style[name] for name in in_order(rows)}
    means = means_of(rows, tables["runs"], ["scale"])
    beside = published_beside(means, published, "scale_generalization")
    found = places(rows)
    crowded = len(style) > CROWD
    height = 2.6 if crowded and len(found) < 3 else 1.9
    step = WIDE_STEP if crowded and len(found) > CROWD else STEP
    labels = "Object size (pixels)", "Test accuracy (%)"
    figure, grid = panels(found, height, labels, wide=crowded)
    for at, axes in grid.items():
        _draw_place(axes, at, means, beside, style, step)
    sentences = [
        f"Lines: mean over seeds; bands: its 95 % interval, from {FEWEST} seeds on.",
        *origin(rows, beside, published),
        *lost_seeds(rows, tables["runs"]),
    ]
    add_foot(figure, _legend(means, beside, found, style), sentences)
    return figure, together(means, beside)


def _draw_place(
    axes: Axes,
    at: tuple[str, str],
    means: pandas.DataFrame,
    beside: pandas.DataFrame,
    style: dict[str, Style],
    step: int,
) -> None:
    """One panel; lines have a marker every ``step`` pixels."""
    place, scenario = at
    axes.set(xlim=(16.5, 64.5), ylim=(-3, 103), xticks=range(20, 61, 10), yticks=range(0, 101, 25))
    axes.set_title(panel_title(place, scenario))
    if scenario in SCENARIOS:
        first, last = SCENARIOS[scenario]
        axes.axvspan(first - 0.5, last + 0.5, **TRAINED, zorder=0)
    if place in CLASSES:
        axes.axhline(100 / CLASSES[place], **CHANCE, zorder=1)
    size, width, alpha = (3.8, 1.3, 0.18) if len(style) <= CROWD else (2.8, 0.9, 0.1)
    for i, (name, its) in enumerate(style.items()):
        line = of(means, at, name)
        if len(line) and line["n"].min() >= FEWEST:
            band = 100 * line["low"], 100 * line["high"]
            axes.fill_between(line["scale"], *band, color=its.colour, alpha=alpha, linewidth=0.4)
        ours = {"linestyle": its.line, "linewidth": width, "markersize": size, "zorder": 4}
        theirs = {**PUBLISHED, "markersize": size - 0.4, "zorder": 3}
        beginning = 5 * i % step, (5 * i + step // 2) % step  # so that markers lie apart
        for rows, kind, first in zip((means, beside), (ours, theirs), beginning, strict=True):
            line = of(rows, at, name)
            if len(line):
                axes.plot(
                    line["scale"],
                    100 * line["mean"],
                    color=its.colour,
                    marker=its.marker,
                    markevery=(first, step),
                    clip_on=False,
                    **kind,
                )


def _legend(
    means: pandas.DataFrame,
    beside: pandas.DataFrame,
    found: Sequence[tuple[str, str]],
    style: dict[str, Style],
) -> list[Artist]:
    """A line for each series with its number of seeds, then what else is to be seen."""
    handles: list[Artist] = []
    for name, counts in means.groupby("name", sort=False)["n"]:
        drawn = style[str(name)]
        handles.append(
            Line2D(
                [],
                [],
                color=drawn.colour,
                linestyle=drawn.line,
                marker=drawn.marker,
                label=f"{name} ({seeds(list(counts))})",
            )
        )
    handles.sort(key=lambda handle: list(style).index(str(handle.get_label()).rpartition(" (")[0]))
    if len(beside):
        handles.append(Line2D([], [], color=GREY, marker="o", label="published mean", **PUBLISHED))
    if any(scenario in SCENARIOS for _, scenario in found):
        handles.append(Patch(**TRAINED, label="sizes trained on"))
    if any(place in CLASSES for place, _ in found):
        handles.append(Line2D([], [], **CHANCE, label="chance level"))
    return handles
