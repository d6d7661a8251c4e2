"""Seconds that an epoch of training takes, by model and data set, as a picture and in LaTeX.

Table 2 of Altstidl et al. 2022 (arXiv 2211.10288): mid2rest, mean over runs of the training seconds
of the last epoch, on an NVIDIA A100. Differs from it: the mean over all epochs stands beside the
last (a first epoch that warms up the device made it up to 1.7 times as long), and the device is
named. Where mid2rest was not run, the first scenario that was is shown instead.
"""

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from isotrope.errors import UserError
from isotrope.figures._published import published_cells
from isotrope.figures._series import (
    PLACE,
    Tables,
    in_order,
    lost_seeds,
    named,
    origin,
    places,
    together,
    with_diverged,
    within,
)
from isotrope.figures._style import GREY, Style, add_foot, look, panels, styles
from isotrope.files.tables import COLLECT_AGAIN, Columns

TITLE = "Training time of an epoch"
TABLES = ("runs",)
COLUMNS = {"runs": {"training.epochs": "number"}}
LATEX = True
CAPTION = (
    "Training time of an epoch (table 2 of the paper): mean over seeds of the seconds in the "
    "training loop. Filled: last epoch. Tick: mean over all epochs. Seeds that train at once share "
    "their time. Hollow and grey: published, on an NVIDIA A100. The same numbers are in "
    "the CSV and LaTeX files beside this picture."
)

DATA: Columns = {  # what `latex` needs of the figure's data
    "place": "text",
    "scenario": "text",
    "name": "text",
    "last": "number",
    "mean": "number",
    "device": "text",
    "n": "number",
    "origin": "text",
}

SCENARIO = "mid2rest"  # of the published table
METRICS = {"last": "seconds_per_epoch_last", "mean": "seconds_per_epoch_mean"}
ROW = 0.2  # inches
LINE = 0.125  # inches, of a name
LETTERS = 18  # of a name, in one line
OFFSET = 0.17  # of a row, from its middle up to the measured and down to the published times
TICK: dict[str, Any] = {"marker": "|", "markersize": 7, "markeredgewidth": 0.9, "linestyle": ""}
LAST: dict[str, Any] = {"markersize": 3.8, "linestyle": ""}
PUBLISHED: dict[str, Any] = {"color": "0.45", "markerfacecolor": "white", "markeredgewidth": 0.7}


@look
def draw(tables: Tables, published: pandas.DataFrame) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``.
        published: published numbers in long form, maybe without rows.

    Returns:
        The figure, and what it shows: a row per place, series and origin (``measured`` or
        ``published``) with ``last`` and ``mean`` in seconds per epoch, and the device.

    Raises:
        UserError: if every seed diverged.
    """
    rows = named(tables["runs"])
    rows = rows[rows["status"].ne("diverged")]
    if rows.empty:
        raise UserError(f"runs.csv has no seed that was trained to its end; {COLLECT_AGAIN}")
    found = places(rows)
    scenario = SCENARIO if any(at[1] == SCENARIO for at in found) else found[0][1]
    found = [at for at in found if at[1] == scenario]
    rows = within(rows, found)
    style = styles(list(dict.fromkeys(named(tables["runs"])["name"])))
    ours = _means(rows, tables["runs"])
    metrics = list(METRICS.values())
    theirs = published_cells(ours, published, "training", metrics).rename(
        columns={metric: name for name, metric in METRICS.items()}
    )
    names = in_order(rows)
    wrapped = ["\n".join(wrap(name, LETTERS)) for name in names]
    lines = 1 + max(name.count("\n") for name in wrapped)
    height = 0.6 + max(ROW, lines * LINE) * len(names)
    # as scenarios of one data set, so that data sets stand side by side
    cells, labels = [("", at[0]) for at in found], ("Seconds per epoch", "")
    figure, grid = panels(cells, height, labels, most=2)
    for (_, place), axes in grid.items():
        axes.set_title(", ".join(part for part in (place.rpartition("/")[2], scenario) if part))
        axes.set(ylim=(len(names) - 0.4, -0.6))
        axes.set_yticks(range(len(names)), wrapped)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="both", color="0.92", linewidth=0.5)
        axes.set_axisbelow(True)
        for row, name in enumerate(names):
            _draw_times(axes, row - OFFSET, ours, (place, name), style[name], {})
            _draw_times(axes, row + OFFSET, theirs, (place, name), style[name], PUBLISHED)
    _logarithmic(next(iter(grid.values())), pandas.concat([ours, theirs]))
    sentences = [
        f"Device: {'; '.join(sorted(set(ours['device'])))}.",
        *origin(rows, theirs, published),
        *lost_seeds(rows, tables["runs"], collapsed="in the means"),
    ]
    add_foot(figure, _legend(not theirs.empty), sentences)
    kept = [*PLACE, "name", "model", *METRICS, "device", "n", "collapsed", "diverged", "source"]
    data = together(ours, theirs.assign(device="NVIDIA A100"))
    return figure, data.reindex(columns=[*kept, "origin"])


def latex(data: pandas.DataFrame) -> str:
    """The numbers of the figure as a LaTeX table; it needs the package booktabs.

    Args:
        data: what ``draw`` returns, maybe read back from its CSV file.
    """
    sets = [place for place, _ in places(data)]
    columns = [(place.rpartition("/")[2], metric) for place in sets for metric in METRICS]
    lines = []
    for name, rows in data.groupby("name", sort=False):
        for where, its in rows.groupby("origin", sort=True):  # measured, then published
            cells = {
                (row["place"].rpartition("/")[2], metric): row[metric]
                for row in its.to_dict("records")
                for metric in METRICS
            }
            device = "; ".join(dict.fromkeys(its["device"]))
            values = [cells.get(column) for column in columns]
            lines.append([name if where == "measured" else "", where, *values, device])
    heads = [("model", ""), ("", ""), *columns, ("device", "")]
    table = pandas.DataFrame(lines, columns=pandas.MultiIndex.from_tuples(heads))
    styled = table.style.hide(axis="index").format(_seconds, escape="latex")
    styled = styled.format_index(escape="latex", axis="columns")
    counts = f"{data['n'].min():.0f} to {data['n'].max():.0f} seeds"
    caption = (
        "Seconds of training in the last epoch, and in the mean over all epochs; means over "
        f"{counts}."
    )
    text: str = styled.to_latex(
        hrules=True,
        caption=caption,
        label="tab:training-time",
        position="htbp",
        column_format="ll" + "r" * len(columns) + "l",
        multicol_align="c",
    )
    return text


def _seconds(value: object) -> str:
    """Seconds with three digits; a dash where there are none. Words stay as they are."""
    if isinstance(value, str):
        return value
    if not isinstance(value, float) or pandas.isna(value):
        return "--"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _means(rows: pandas.DataFrame, runs: pandas.DataFrame) -> pandas.DataFrame:
    """Mean over seeds of the seconds per epoch, in every place and series."""
    counted = rows.assign(collapsed=rows["status"].eq("collapsed"))
    means = counted.groupby([*PLACE, "name", "model"], as_index=False).agg(
        last=(METRICS["last"], "mean"),
        mean=(METRICS["mean"], "mean"),
        device=("device", lambda found: "; ".join(sorted(set(found)))),
        n=("seed", "size"),
        collapsed=("collapsed", "sum"),
    )
    order = {name: i for i, name in enumerate(in_order(rows))}
    means = means.sort_values("name", key=lambda names: names.map(order), kind="stable")
    return with_diverged(means, runs).assign(origin="measured")


def _draw_times(
    axes: Axes,
    height: float,
    frame: pandas.DataFrame,
    at: tuple[str, str],
    its: Style,
    more: dict[str, Any],
) -> None:
    """The last and the mean epoch of one series in one data set."""
    for row in frame[frame["place"].eq(at[0]) & frame["name"].eq(at[1])].to_dict("records"):
        kind = {"color": its.colour, "zorder": 3} | more
        axes.plot(row["mean"], height, **TICK | kind)
        axes.plot(row["last"], height, marker=its.marker, **LAST | kind)


def _logarithmic(axes: Axes, rows: pandas.DataFrame) -> None:
    """A logarithmic axis of seconds that holds all of them."""
    values = rows[list(METRICS)].to_numpy(float)
    values = values[values > 0]
    axes.set(xscale="log", xlim=(values.min() / 2, values.max() * 2))
    wide = values.max() / values.min() > 100
    axes.xaxis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 3)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _legend(published: bool) -> list[Artist]:
    """What the markers mean; the series are named beside their rows."""
    entries: Sequence[tuple[str, dict[str, Any]]] = [
        ("last epoch", {"color": GREY, "marker": "o", **LAST}),
        ("mean over epochs", {"color": GREY, **TICK}),
    ]
    if published:
        entries = [
            *entries,
            ("published, last epoch", {"marker": "o", **LAST, **PUBLISHED}),
            ("published, mean over epochs", {**TICK, "color": PUBLISHED["color"]}),
        ]
    return [Line2D([], [], **kind, label=label) for label, kind in entries]
