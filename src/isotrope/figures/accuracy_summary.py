"""Test accuracy of every series on all data sets at a glance, as published and corrected.

Figure 4 of Altstidl et al. 2022 (arXiv 2211.10288). It shows means in its left panel and medians in
its right one, over all runs, though some of them stayed at chance level (of pixel_pool on all2all
of emoji, a third). The upper panels here do the same; the lower ones show medians in both, without
the collapsed runs, and count these beside them.
"""

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isotrope.figures._published import published_cells
from isotrope.figures._series import (
    PLACE,
    Tables,
    in_order,
    lost_seeds,
    measured,
    origin,
    places,
    together,
    with_diverged,
    within,
)
from isotrope.figures._style import DOUBLE, GREY, SMALL, Style, add_foot, look, styles

TITLE = "Test accuracy at a glance"
TABLES = ("runs", "accuracy")
COLUMNS = {"runs": {"training.epochs": "number"}, "accuracy": {}}
CAPTION = (
    "Test accuracy of every series on every data set (figure 4 of the paper). Upper panels, as "
    "published: mean over all seeds for mid2rest, median over all seeds for all2all. Lower "
    "panels, corrected: median over the seeds that did not stay at chance level; the numbers "
    "beside them count those that did. Filled: the three best of a data set. Dotted: the model "
    "called standard on each data set. Small and grey, below each row: published values."
)

SHOWN = {"mid2rest": "mean", "all2all": "median"}  # scenario: the statistic in the published figure
LEFT_OUT = {"energy_pool", "conv3d"}  # of the published figure
METRICS = {  # published metric of each form and statistic
    ("published", "mean"): "accuracy",
    ("published", "median"): "median",
    ("corrected", "median"): "median_not_collapsed",
}
ROW = 0.26  # inches
LINE = 0.125  # inches, of a name
LETTERS = 18  # of a name, in one line
OFFSET = 0.18  # of a row, from its middle up to the measured and down to the published values
BEST = 3  # series of a data set that are filled
PUBLISHED: dict[str, Any] = {"color": "0.5", "markersize": 2.6, "markeredgewidth": 0.5}


@look
def draw(tables: Tables, published: pandas.DataFrame) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Where neither mid2rest nor all2all was run, the scenarios that were are shown instead.

    Args:
        tables: ``runs`` and ``accuracy``.
        published: published numbers in long form, maybe without rows.

    Returns:
        The figure, and what it shows: a row per place, series, form (``published`` or
        ``corrected``) and origin (``measured`` or ``published``) with its statistic; accuracies as
        fractions.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows = measured(tables, "accuracy", "accuracy")
    some = rows[~rows["model"].isin(LEFT_OUT)]
    rows = rows if some.empty else some
    found = places(rows)
    asked = [at for at in found if at[1] in SHOWN]
    rows = within(rows, asked or found)
    scenarios = list(dict.fromkeys(scenario for _, scenario in asked or found))
    data = pandas.concat(
        [
            _statistics(rows, tables["runs"], published, scenario, form)
            for form in ("published", "corrected")
            for scenario in scenarios
        ],
        ignore_index=True,
    )
    sets = list(dict.fromkeys(place for place, _ in found))
    style = styles(sets)
    figure, grid = _panels(in_order(rows), scenarios)
    for (form, scenario), axes in grid.items():
        chosen = data[data["form"].eq(form) & data["scenario"].eq(scenario)]
        _draw_panel(axes, chosen, in_order(rows), style)
    lowest = 100 * data["value"].min()
    grid["published", scenarios[0]].set_xlim(min(36, lowest - 3), 104)
    shown = data[data["origin"].eq("published")].dropna(subset=["value"])
    sentences = [
        *origin(rows, shown, published),
        *lost_seeds(rows, tables["runs"], "left out", "left out of the lower panels"),
    ]
    add_foot(figure, _legend(style, not shown.empty), sentences)
    return figure, together(data, shown.iloc[:0])


def _statistics(
    rows: pandas.DataFrame,
    runs: pandas.DataFrame,
    published: pandas.DataFrame,
    scenario: str,
    form: str,
) -> pandas.DataFrame:
    """The statistic that one panel shows of every series, measured and published.

    Columns: place, scenario, name, model, form, statistic, value, n, collapsed, diverged, origin,
    and ``best``: whether it is among the best of its data set and origin.
    """
    rows = rows[rows["scenario"].eq(scenario)]
    statistic = SHOWN.get(scenario, "mean") if form == "published" else "median"
    counted = rows.assign(
        collapsed=rows["status"].eq("collapsed"),
        used=rows["value"].where(rows["status"].ne("collapsed") | (form == "published")),
    )
    ours = counted.groupby([*PLACE, "name", "model"], as_index=False).agg(
        value=("used", statistic), n=("used", "count"), collapsed=("collapsed", "sum")
    )
    ours = with_diverged(ours, runs).assign(origin="measured")
    metric = METRICS[form, statistic]
    theirs = published_cells(ours, published, "accuracy", [metric, "collapsed"])
    theirs = theirs.rename(columns={metric: "value"})
    both = pandas.concat([ours, theirs], ignore_index=True)
    ranks = both.groupby(["place", "origin"])["value"].rank(ascending=False, method="min")
    return both.assign(form=form, statistic=statistic, best=ranks.le(BEST))


def _panels(
    names: Sequence[str], scenarios: Sequence[str]
) -> tuple[Figure, dict[tuple[str, str], Axes]]:
    """Two rows of empty panels, as published and corrected, with a panel for each scenario."""
    wrapped = ["\n".join(wrap(name, LETTERS)) for name in names]
    lines = 1 + max(name.count("\n") for name in wrapped)
    height = 1.35 + 2 * max(ROW, lines * LINE) * len(names)
    figure = Figure((DOUBLE, height), layout="constrained")
    FigureCanvasAgg(figure)  # measures words, whatever is written later
    cells = figure.subplots(2, len(scenarios), sharex=True, sharey=True, squeeze=False)
    grid = {}
    for row, form in enumerate(("published", "corrected")):
        for axes, scenario in zip(cells[row], scenarios, strict=True):
            statistic = SHOWN.get(scenario, "mean") if form == "published" else "median"
            over = "of all seeds" if form == "published" else "without collapsed"
            what = "As published" if form == "published" else "Corrected"
            axes.set_title(f"{scenario}. {what}: {statistic} {over}")
            axes.set(ylim=(len(names) - 0.4, -0.6))
            axes.set_yticks(range(len(names)), wrapped)
            axes.tick_params(axis="y", length=0)
            axes.spines["left"].set_visible(False)
            axes.grid(axis="both", color="0.92", linewidth=0.5)
            axes.set_axisbelow(True)
            grid[form, scenario] = axes
    for axes in cells[1]:
        axes.set_xlabel("Test accuracy (%)")
    return figure, grid


def _draw_panel(
    axes: Axes, data: pandas.DataFrame, names: Sequence[str], style: dict[str, Style]
) -> None:
    """The values of one panel, and beside a corrected one the numbers of collapsed seeds."""
    for at in data.dropna(subset=["value"]).to_dict("records"):
        its, ours = style[at["place"]], at["origin"] == "measured"
        height = names.index(at["name"]) + (-OFFSET if ours else OFFSET)
        kind = {"color": its.colour, "markersize": 4.2} if ours else PUBLISHED
        face = kind["color"] if at["best"] else "white"
        axes.plot(100 * at["value"], height, its.marker, markerfacecolor=face, zorder=3, **kind)
        if at["model"] == "standard" and ours:
            axes.axvline(
                100 * at["value"], color=its.colour, linestyle=(0, (1, 2)), linewidth=0.9, zorder=1
            )
    if "corrected" not in set(data["form"]) or not data["collapsed"].sum():
        return
    beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "size": SMALL - 1}
    axes.text(1.01, -0.6, "collapsed", va="bottom", style="italic", **beside)
    for (name, where), cells in data.groupby(["name", "origin"]):
        lost = int(cells["collapsed"].sum())
        if lost:
            ours = where == "measured"
            whole = int(cells["n"].sum()) + lost
            axes.text(
                1.01,
                names.index(str(name)) + (-OFFSET if ours else OFFSET),
                f"{lost} of {whole}",
                **beside,
                color="black" if ours else GREY,
                va="center_baseline",
            )


def _legend(style: dict[str, Style], published: bool) -> list[Artist]:
    """A marker for each data set, then what else is to be seen."""
    handles: list[Artist] = [
        Line2D(
            [],
            [],
            color=its.colour,
            marker=its.marker,
            linestyle=(0, (1, 2)),
            linewidth=0.9,
            label=f"{place.rpartition('/')[2]} (dotted: standard)",
        )
        for place, its in style.items()
    ]
    plain: dict[str, Any] = {"linestyle": "", "marker": "o", "color": "black"}
    handles.append(Line2D([], [], **plain, label=f"filled: the {BEST} best of a data set"))
    handles.append(Line2D([], [], **plain, markerfacecolor="white", label="hollow: the others"))
    if published:
        handles.append(
            Line2D([], [], marker="o", linestyle="", **PUBLISHED, label="published, same markers")
        )
    return handles
