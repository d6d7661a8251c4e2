"""The accuracy of networks against their equivariance error: what the figures on it share.

A network's error is its mean over the pairs of object sizes that it was not trained on, or, where
it was trained on all, over all pairs. For the scenarios small2large and large2small, the published
supplementary figure 3 takes each other's pairs: ``PUBLISHED_PAIRS``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isotrope.results.cells import Cells, Panel, title
from isotrope.results.published import published_beside
from isotrope.results.series import (
    KEY,
    Tables,
    lost_seeds,
    means_of,
    measured,
    origin,
    seeds,
)
from isotrope.results.style import GREY, Style, add_foot, logarithmic, panels, styles_of

ERROR_COLUMNS = {
    "runs": {"training.epochs": "number"},
    "accuracy": {},
    "scale_equivariance": {
        "stage": "text",
        "form": "text",
        "scale_from": "number",
        "scale_to": "number",
    },
}
Pairs = Mapping[str, Sequence[tuple[int, int]]]  # of sizes in pixels, by scenario

LARGE, MIDDLE, SMALL_PAIR = (
    ((64, 49), (49, 64)),
    ((48, 33), (33, 48)),
    ((32, 17), (17, 32)),
)
PAIRS: Pairs = {
    "small2large": (*LARGE, *MIDDLE),
    "mid2rest": (*LARGE, *SMALL_PAIR),
    "large2small": (*MIDDLE, *SMALL_PAIR),
    "all2all": (*LARGE, *MIDDLE, *SMALL_PAIR),
}
PUBLISHED_PAIRS: Pairs = {
    **PAIRS,
    "small2large": PAIRS["large2small"],
    "large2small": PAIRS["small2large"],
}
STAGE = "stage2"
POINT: dict[str, Any] = {"linestyle": "", "markersize": 3.2, "markeredgewidth": 0}
PUBLISHED: dict[str, Any] = {
    "linestyle": "",
    "markersize": 4,
    "markerfacecolor": "white",
    "markeredgewidth": 0.8,
    "clip_on": False,
}
REFERENCES: dict[str, dict[str, Any]] = {
    "floor": {"color": "black", "linewidth": 0.9, "linestyle": (0, (1, 1.5))},
    "untrained": {"color": GREY, "linewidth": 1.1, "linestyle": (0, (6, 2))},
}
RANGE: dict[str, Any] = {"color": "0.92", "linewidth": 0}
MEANING = {"floor": "floor: interpolation alone", "untrained": "untrained plain network"}
BOUNDS = "Lines of the corrected error: median over the networks, with their range in grey."


def errors_of(tables: Tables, form: str, pairs: Pairs) -> pandas.DataFrame:
    """Error and accuracy of every seed that has both.

    Args:
        tables: ``runs``, ``accuracy`` and ``scale_equivariance``.
        form: ``published`` or ``corrected``.
        pairs: what the error is a mean over, in each scenario; all pairs in other ones.

    Returns:
        The rows of ``measured`` for the accuracy, which is the column ``accuracy``, with ``error``,
        NaN where the error of a pair is undefined or infinite; for the corrected form
        ``floor`` and ``untrained``, too.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    accuracy = measured(tables, "accuracy", "accuracy").rename(columns={"value": "accuracy"})
    found = {}
    for metric in ("error", *(REFERENCES if form == "corrected" else ())):
        rows = measured(tables, "scale_equivariance", metric)
        rows = rows[rows["form"].eq(form) & rows["stage"].eq(STAGE)]
        asked = [
            (a, b) in pairs.get(scenario, PAIRS["all2all"])
            for a, b, scenario in zip(
                rows["scale_from"], rows["scale_to"], rows["scenario"], strict=True
            )
        ]
        finite = rows[asked].replace([np.inf, -np.inf], np.nan)
        found[metric] = finite.groupby(KEY)["value"].agg(lambda errors: errors.mean(skipna=False))
    columns = pandas.DataFrame(found).reset_index()
    return accuracy.merge(columns, on=KEY, validate="one_to_one").assign(form=form)


def pair_words(pairs: Pairs, scenario: str) -> str:
    """The pairs of a scenario, as in ``64-49, 48-33``; each is meant in both directions."""
    each = pairs.get(scenario, PAIRS["all2all"])
    return ", ".join(f"{a}-{b}" for a, b in each if a > b)


def fit_errors(axes: Axes, rows: pandas.DataFrame) -> None:
    """Give an axis a logarithmic scale, of a decade at least, that holds the errors."""
    values = rows[[name for name in ("error", *REFERENCES) if name in rows]].to_numpy(float)
    values = values[values > 0]
    low, high = (values.min(), values.max()) if values.size else (0.1, 1.0)
    middle, half = np.sqrt(low * high), max(1.5 * np.sqrt(high / low), np.sqrt(10))
    logarithmic(axes, (1, 3) if half**2 < 1000 else (1,))
    axes.set_xlim(middle / half, middle * half)


def draw_panel(
    axes: Axes,
    panel: Panel,
    rows: pandas.DataFrame,
    beside: pandas.DataFrame,
    style: Mapping[str, Style],
    cells: Cells,
) -> None:
    """The seeds of one panel, reference lines, and published accuracies at the right edge."""
    here = cells.rows_in(rows, [panel])
    for metric, line in REFERENCES.items():
        if metric in here and here[metric].notna().any():
            axes.axvspan(here[metric].min(), here[metric].max(), **RANGE, zorder=0)
            axes.axvline(here[metric].median(), zorder=1, **line)
    for name, its in style.items():
        drawn = cells.series_in(here, panel, name).dropna(subset=["error"])
        for collapsed in (False, True):
            those = drawn[drawn["status"].eq("collapsed").eq(collapsed)]
            kind = {"marker": "x", "markeredgewidth": 0.8} if collapsed else {"marker": its.marker}
            if len(those):
                axes.plot(
                    those["error"],
                    100 * those["accuracy"],
                    color=its.colour,
                    zorder=3,
                    **POINT | kind,
                )
        for value in cells.series_in(beside, panel, name)["mean"]:
            axes.plot(
                1.03,
                100 * value,
                color=its.colour,
                marker=its.marker,
                transform=axes.get_yaxis_transform(),
                **PUBLISHED,
            )


def legend(
    rows: pandas.DataFrame,
    beside: pandas.DataFrame,
    style: Mapping[str, Style],
    cells: Cells,
) -> list[Artist]:
    """A marker for each series with its number of seeds, then what else is to be seen."""
    handles: list[Artist] = []
    for name, its in style.items():
        count = seeds(list(rows[rows["name"].eq(name)].groupby(cells.panel).size()))
        label = f"{name} ({count})"
        marker = {**POINT, "markersize": 4.5, "marker": its.marker}
        handles.append(Line2D([], [], color=its.colour, **marker, label=label))
    if rows["status"].eq("collapsed").any():
        cross = {**POINT, "marker": "x", "markeredgewidth": 0.8}
        handles.append(Line2D([], [], color=GREY, **cross, label="collapsed seed"))
    for metric, line in REFERENCES.items():
        if metric in rows and rows[metric].notna().any():
            handles.append(Line2D([], [], **line, label=MEANING[metric]))
    if len(beside):
        label = "published mean accuracy (right edge)"
        handles.append(Line2D([], [], color=GREY, marker="o", **PUBLISHED, label=label))
    return handles


def undefined(rows: pandas.DataFrame) -> list[str]:
    """A sentence on the seeds without a finite error, if there are any."""
    lost = int(rows["error"].isna().sum())
    return [f"Seeds without a finite error, not shown: {lost} of {len(rows)}."] if lost else []


def published_accuracies(rows: pandas.DataFrame, tables: Tables) -> pandas.DataFrame:
    """The published mean accuracies of the models in their panels; errors were not published."""
    means = means_of(rows.assign(value=rows["accuracy"]), tables)
    return published_beside(means, tables, "accuracy")


def shown(
    rows: pandas.DataFrame, beside: pandas.DataFrame, pairs: Pairs, cells: Cells
) -> pandas.DataFrame:
    """What a figure shows: a row for each seed, then one for each published mean accuracy."""
    kept = [*cells.panel, "name", "model", *KEY, "status", "form", "error", "accuracy"]
    kept += [metric for metric in REFERENCES if metric in rows]
    ours = rows.assign(pairs=[pair_words(pairs, scenario) for scenario in rows["scenario"]])
    ours = ours[[*kept, "pairs"]].assign(origin="measured")
    theirs = beside.rename(columns={"mean": "accuracy"})
    theirs = theirs[[*cells.panel, "name", "model", "accuracy", "origin"]]
    both = pandas.concat([ours, theirs], ignore_index=True)
    return both.astype({"seed": "Int64"})


def draw_grid(tables: Tables, form: str, pairs: Pairs) -> tuple[Figure, pandas.DataFrame]:
    """A panel for every data set and scenario, errors on a logarithmic axis.

    Args:
        tables: ``runs``, ``accuracy`` and ``scale_equivariance``.
        form: ``published`` or ``corrected``.
        pairs: what the error is a mean over, in each scenario.

    Returns:
        The figure, and what it shows; see ``shown``.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows, cells = errors_of(tables, form, pairs), tables.cells
    style = styles_of(tables)
    style = {name: style[name] for name in cells.names(rows)}
    beside = published_accuracies(rows, tables)
    labels = "Equivariance error (fraction)", "Test accuracy (%)"
    figure, grid = panels(cells.panels(rows), 1.75, labels)
    for panel, axes in grid.items():
        words = pair_words(pairs, panel[1])
        axes.set_title(title(panel))
        ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
        axes.text(0.03, 0.03, words, transform=axes.transAxes, size=5.5, color=GREY, bbox=ground)
        axes.set(ylim=(-3, 103), yticks=range(0, 101, 25))
        fit_errors(axes, rows)
        draw_panel(axes, panel, rows, beside, style, cells)
    sentences = [
        f"{form.capitalize()} error: mean over the objects and the pairs of sizes named in the "
        "panel (pixels, each in both directions), of the second stage.",
        *([BOUNDS] if form == "corrected" else []),
        *origin(rows, beside, tables),
        *undefined(rows),
        *lost_seeds(rows, tables, "left out", "crosses"),
    ]
    add_foot(figure, legend(rows, beside, style, cells), sentences)
    return figure, shown(rows, beside, pairs, cells)
