"""Accuracy at every object size on one data set: measured above, published below.

Figure 5 of Altstidl et al. 2022 (arXiv 2211.10288): MNIST, three scenarios, nine models. Where
MNIST was not run, the first data set that was is shown instead. Differs from it: bands show how
well the means are known, and the published means are over the 25 runs of the paper's accuracies;
in the paper's figure, some lines are means over these and surplus runs.
"""

from collections.abc import Sequence
from typing import Any

import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from isotrope.figures._published import published_beside
from isotrope.figures._series import (
    CLASSES,
    SCENARIOS,
    Tables,
    chosen,
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
    within,
)
from isotrope.figures._statistics import FEWEST
from isotrope.figures._style import CHANCE, DOUBLE, SINGLE, Style, add_foot, look, styles

TITLE = "Accuracy at every object size, on one data set"
TABLES = ("runs", "scale_generalization")
COLUMNS = {"runs": {"training.epochs": "number"}, "scale_generalization": {"scale": "number"}}
CAPTION = (
    "Test accuracy against the size of the object on one data set (figure 5 of the paper). Above: "
    "mean over our seeds with its 95 % interval (Student's t) as a band. Below: published means of "
    "the same models. Grey: the sizes trained on. Dotted: chance level."
)

DATA_SET = "stir/mnist"  # of the published figure
WIDEST = (
    "all2all"  # a scenario without sizes that were not trained on: only shown for want of others
)
LEFT_OUT = {"energy_pool", "conv3d"}  # of the published figure
HEIGHT = 1.75  # inches, of a panel
EVERY = 8  # pixels between two markers of a line
TRAINED: dict[str, Any] = {"color": "0.91", "linewidth": 0}


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
    some = rows[~rows["model"].isin(LEFT_OUT)]
    rows = rows if some.empty else some
    found = chosen(places(rows), DATA_SET)
    found = [at for at in found if at[1] != WIDEST] or found
    rows = within(rows, found)
    style = styles(list(dict.fromkeys(named(tables["runs"])["name"])))
    style = {name: style[name] for name in in_order(rows)}
    means = means_of(rows, tables["runs"], ["scale"])
    beside = published_beside(means, published, "scale_generalization")
    frames = {"measured": means} | ({} if beside.empty else {"published": beside})
    figure, grid = _panels(found, list(frames))
    for (at, what), axes in grid.items():
        _draw_panel(axes, at, frames[what], style)
    sentences = [
        f"Lines: mean over seeds; bands: its 95 % interval, from {FEWEST} seeds on.",
        *origin(rows, beside, published),
        *lost_seeds(rows, tables["runs"]),
    ]
    add_foot(figure, _legend(means, found, style), sentences)
    return figure, together(means, beside)


def _panels(
    found: Sequence[tuple[str, str]], rows: Sequence[str]
) -> tuple[Figure, dict[tuple[tuple[str, str], str], Axes]]:
    """A row of panels for what was measured and one for what was published, without lines."""
    width = DOUBLE if len(found) > 1 else SINGLE
    figure = Figure((width, 0.25 + HEIGHT * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)  # measures words, whatever is written later
    cells = figure.subplots(len(rows), len(found), sharex=True, sharey=True, squeeze=False)
    grid = {}
    for row, what in enumerate(rows):
        for column, at in enumerate(found):
            axes = cells[row, column]
            axes.set_title(f"{panel_title(*at)}, {what}")
            axes.set(xlim=(16.5, 64.5), xticks=range(20, 61, 10))
            axes.set(ylim=(-3, 103), yticks=range(0, 101, 25))
            if at[1] in SCENARIOS:
                first, last = SCENARIOS[at[1]]
                axes.axvspan(first - 0.5, last + 0.5, **TRAINED, zorder=0)
            if at[0] in CLASSES:
                axes.axhline(100 / CLASSES[at[0]], **CHANCE, zorder=1)
            grid[at, what] = axes
        cells[row, 0].set_ylabel("Test accuracy (%)")
    for axes in cells[-1]:
        axes.set_xlabel("Object size (pixels)")
    return figure, grid


def _draw_panel(
    axes: Axes, at: tuple[str, str], rows: pandas.DataFrame, style: dict[str, Style]
) -> None:
    """The line of each series, with a band where its mean is known well enough for one."""
    for i, (name, its) in enumerate(style.items()):
        line = of(rows, at, name)
        if line.empty:
            continue
        if "low" in line and line["n"].min() >= FEWEST:
            band = 100 * line["low"], 100 * line["high"]
            axes.fill_between(line["scale"], *band, color=its.colour, alpha=0.15, linewidth=0)
        axes.plot(
            line["scale"],
            100 * line["mean"],
            color=its.colour,
            linestyle=its.line,
            marker=its.marker,
            markersize=3,
            linewidth=1,
            markevery=(5 * i % EVERY, EVERY),  # so that markers lie apart
        )


def _legend(
    means: pandas.DataFrame, found: Sequence[tuple[str, str]], style: dict[str, Style]
) -> list[Artist]:
    """A line for each series with its number of seeds, then what else is to be seen."""
    handles: list[Artist] = []
    for name, its in style.items():
        count = seeds(list(means.loc[means["name"].eq(name), "n"]))
        look_of = {"color": its.colour, "linestyle": its.line, "marker": its.marker}
        handles.append(Line2D([], [], **look_of, label=f"{name} ({count})"))
    if any(scenario in SCENARIOS for _, scenario in found):
        handles.append(Patch(**TRAINED, label="sizes trained on"))
    if any(place in CLASSES for place, _ in found):
        handles.append(Line2D([], [], **CHANCE, label="chance level"))
    return handles
