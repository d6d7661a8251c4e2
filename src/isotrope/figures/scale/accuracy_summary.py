"""Test accuracy of every series on all data sets at a glance, as published and corrected.

Figure 4 of Altstidl et al. 2022 (arXiv 2211.10288). It shows means in its left panel and medians in
its right one, over all runs, though some of them stayed at chance level (of pixel_pool on all2all
of emoji, a third). The upper panels here do the same; the lower ones show medians in both, without
the collapsed runs, and count these beside them.
"""

from collections.abc import Sequence
from typing import Any

import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isotrope.results.published import published_cells
from isotrope.results.series import (
    Tables,
    lost_seeds,
    measured,
    measured_and_published,
    origin,
    with_diverged,
)
from isotrope.results.style import (
    DOUBLE,
    GREY,
    SMALL,
    Style,
    add_foot,
    look,
    new_figure,
    rows_of_names,
    styles,
    wrapped,
)
from isotrope.studies.scale.cells import CLASSES

TITLE = "Test accuracy at a glance"
TABLES = ("runs", "accuracy")
COLUMNS = {"runs": {"training.epochs": "number"}, "accuracy": {}}
CAPTION = (
    "Test accuracy of every series on every data set (figure 4 of the paper). Upper panels, as "
    "published: mean over all seeds for mid2rest, median over all seeds for all2all. Lower "
    "panels, corrected: median over the seeds that did not stay at chance level on their "
    "validation images; the numbers beside them count those that did. Filled: the three best of a "
    "data set. Dotted: the model called standard on each data set. Small and grey, below each row: "
    "published values."
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
OFFSET = 0.18  # of a row, from its middle up to the measured and down to published values
BEST = 3  # series of a data set that are filled
PUBLISHED: dict[str, Any] = {"color": "0.5", "markersize": 2.6, "markeredgewidth": 0.5}


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Where neither mid2rest nor all2all was run, the scenarios that were are shown instead.

    Args:
        tables: ``runs`` and ``accuracy``.

    Returns:
        The figure, and what it shows: a row per place, series, form (``published`` or
        ``corrected``) and origin (``measured`` or ``published``) with its statistic; accuracies as
        fractions.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows, cells = measured(tables, "accuracy", "accuracy"), tables.cells
    some = rows[~rows["model"].isin(LEFT_OUT)]
    rows = rows if some.empty else some
    found = cells.panels(rows)
    asked = [panel for panel in found if panel[1] in SHOWN]
    rows = cells.rows_in(rows, asked or found)
    scenarios = list(dict.fromkeys(panel[1] for panel in asked or found))
    data = pandas.concat(
        [
            _statistics(rows, tables, scenario, form)
            for form in ("published", "corrected")
            for scenario in scenarios
        ],
        ignore_index=True,
    )
    sets = list(dict.fromkeys(panel[0] for panel in found))
    style = styles(list(dict.fromkeys([*CLASSES, *sets])))
    style = {place: style[place] for place in sets}
    names = cells.names(rows)
    figure, grid = _panels(names, scenarios)
    for (form, scenario), axes in grid.items():
        chosen = data[data["form"].eq(form) & data["scenario"].eq(scenario)]
        _draw_panel(axes, chosen, names, style)
    lowest = 100 * data["value"].min()
    grid["published", scenarios[0]].set_xlim(min(36, lowest - 3), 104)
    shown = data[data["origin"].eq("published")].dropna(subset=["value"])
    sentences = [
        *origin(rows, shown, tables),
        *lost_seeds(rows, tables, "left out", "left out of the lower panels"),
    ]
    add_foot(figure, _legend(style, not shown.empty), sentences)
    return figure, measured_and_published(data, shown.iloc[:0])


def _statistics(
    rows: pandas.DataFrame, tables: Tables, scenario: str, form: str
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
    ours = counted.groupby([*tables.panel, "name", "model"], as_index=False).agg(
        value=("used", statistic), n=("used", "count"), collapsed=("collapsed", "sum")
    )
    ours = with_diverged(ours, tables).assign(origin="measured")
    metric = METRICS[form, statistic]
    theirs = published_cells(ours, tables, "accuracy", [metric, "collapsed"])
    theirs = theirs.rename(columns={metric: "value"})
    both = pandas.concat([ours, theirs], ignore_index=True)
    ranks = both.groupby(["place", "origin"])["value"].rank(ascending=False, method="min")
    return both.assign(form=form, statistic=statistic, best=ranks.le(BEST))


def _panels(
    names: Sequence[str], scenarios: Sequence[str]
) -> tuple[Figure, dict[tuple[str, str], Axes]]:
    """Two rows of empty panels, as published and corrected, with a panel for each scenario."""
    lines_of, lines = wrapped(names)
    height = 1.35 + 2 * max(ROW, lines * LINE) * len(names)
    figure = new_figure(DOUBLE, height)
    cells = figure.subplots(2, len(scenarios), sharex=True, sharey=True, squeeze=False)
    grid = {}
    for row, form in enumerate(("published", "corrected")):
        for axes, scenario in zip(cells[row], scenarios, strict=True):
            statistic = SHOWN.get(scenario, "mean") if form == "published" else "median"
            over = "of all seeds" if form == "published" else "without collapsed"
            what = "As published" if form == "published" else "Corrected"
            axes.set_title(f"{scenario}. {what}: {statistic} {over}")
            rows_of_names(axes, lines_of, {"axis": "both", "color": "0.92"})
            grid[form, scenario] = axes
    for axes in cells[1]:
        axes.set_xlabel("Test accuracy (%)")
    return figure, grid


def _draw_panel(
    axes: Axes, data: pandas.DataFrame, names: Sequence[str], style: dict[str, Style]
) -> None:
    """The values of one panel, and beside a corrected one the numbers of collapsed seeds."""
    drawn = data.dropna(subset=["value"])
    both = set(drawn.loc[drawn["origin"].eq("published"), "name"])
    up = {name: OFFSET if name in both else 0.0 for name in names}
    for at in drawn.to_dict("records"):
        its, ours = style[at["place"]], at["origin"] == "measured"
        height = names.index(at["name"]) + (-up[at["name"]] if ours else OFFSET)
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
                names.index(str(name)) + (-up[str(name)] if ours else OFFSET),
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
