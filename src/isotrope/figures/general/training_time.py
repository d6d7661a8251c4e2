"""Seconds that an epoch of training takes, by series and panel, as a picture and in LaTeX.

The last epoch and the mean over all epochs stand side by side: a first epoch that warms up the
device can make the mean up to twice as long.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isotrope.errors import UserError
from isotrope.files.tables import COLLECT_AGAIN, Columns
from isotrope.results.cells import Cells, Panel
from isotrope.results.published import published_cells
from isotrope.results.series import (
    Tables,
    lost_seeds,
    measured_and_published,
    origin,
    with_diverged,
)
from isotrope.results.style import (
    GREY,
    Style,
    add_foot,
    blank,
    logarithmic,
    look,
    panels,
    rows_of_names,
    styles_of,
    wrapped,
)

TITLE = "Training time of an epoch"
TABLES = ("runs",)
COLUMNS = {"runs": {"training.epochs": "number"}}
LATEX = True
CAPTION = (
    "Training time of an epoch: mean over seeds of the seconds in the training loop. Filled: last "
    "epoch. Tick: mean over all epochs. Seeds that train at once share their time; seeds that were "
    "not trained here are left out. Hollow and grey: published. The same numbers are in the CSV "
    "and LaTeX files beside this picture."
)

DATA: Columns = {  # what `latex` needs of the figure's data, beside the columns of panels
    "name": "text",
    "last": "number",
    "mean": "number",
    "device": "text",
    "n": "number",
    "origin": "text",
}

NONE = "no seed was trained here, and seconds of another machine would say nothing of this one"
METRICS = {"last": "seconds_per_epoch_last", "mean": "seconds_per_epoch_mean"}
ROW = 0.2  # inches
LINE = 0.125  # inches, of a name
OFFSET = 0.17  # of a row, from its middle up to the measured and down to published times
TICK: dict[str, Any] = {"marker": "|", "markersize": 7, "markeredgewidth": 0.9, "linestyle": ""}
LAST: dict[str, Any] = {"markersize": 3.8, "linestyle": ""}
PUBLISHED: dict[str, Any] = {"color": "0.45", "markerfacecolor": "white", "markeredgewidth": 0.7}


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure: see ``draw_times``."""
    return draw_times(tables, trained(tables))


def trained(tables: Tables) -> pandas.DataFrame:
    """The runs that were trained to their end here, maybe none.

    Shipped and imported seeds are left out: their seconds are those of another machine.

    Raises:
        UserError: if every seed diverged.
    """
    rows = tables.runs
    rows = rows[rows["status"].ne("diverged")]
    if rows.empty:
        raise UserError(f"runs.csv has no seed that was trained to its end; {COLLECT_AGAIN}")
    return rows[rows["origin"].eq("trained")]


def draw_times(
    tables: Tables, rows: pandas.DataFrame, published_device: str = ""
) -> tuple[Figure, pandas.DataFrame]:
    """Draw the times of some runs, with the data sets side by side.

    Args:
        tables: ``runs``.
        rows: the runs, from ``trained``.
        published_device: what the published times were measured on.

    Returns:
        The figure, and what it shows: a row per panel, series and origin (``measured`` or
        ``published``) with ``last`` and ``mean`` in seconds per epoch, and the device.
    """
    cells = tables.cells
    kept = [*tables.panel, "name", "model", *METRICS]
    kept += ["device", "n", "collapsed", "diverged", "source", "origin"]
    if rows.empty:
        return blank(NONE), pandas.DataFrame(columns=kept)
    style = styles_of(tables)
    ours = _means(rows, tables)
    metrics = list(METRICS.values())
    theirs = published_cells(ours, tables, "training", metrics).rename(
        columns={metric: name for name, metric in METRICS.items()}
    )
    shown = cells.names(rows)
    names, lines = wrapped(shown)
    height = 0.6 + max(ROW, lines * LINE) * len(names)
    found = cells.panels(rows)
    side_by_side: list[Panel] = [("/".join(panel),) for panel in found]
    figure, grid = panels(side_by_side, height, ("Seconds per epoch", ""), most=2)
    for panel, axes in zip(found, grid.values(), strict=True):
        axes.set_title(cells.title(panel))
        rows_of_names(axes, names, {"axis": "both", "color": "0.92"})
        for row, name in enumerate(shown):
            its, beside = (cells.series_in(frame, panel, name) for frame in (ours, theirs))
            height = row if beside.empty else row - OFFSET
            _draw_series(axes, height, its, style[name], {})
            _draw_series(axes, row + OFFSET, beside, style[name], PUBLISHED)
    _fit(next(iter(grid.values())), pandas.concat([ours, theirs]))
    sentences = [
        f"Device: {'; '.join(sorted(set(ours['device'])))}.",
        *origin(rows, theirs, tables),
        *_elsewhere(tables),
        *lost_seeds(rows, tables),
    ]
    add_foot(figure, _legend(not theirs.empty), sentences)
    data = measured_and_published(ours, theirs.assign(device=published_device))
    return figure, data.reindex(columns=kept)


def _elsewhere(tables: Tables) -> list[str]:
    """A sentence on the series with seeds that were trained on another machine, if there are."""
    runs = tables.runs
    names = dict.fromkeys(runs.loc[runs["origin"].ne("trained"), "name"])
    return [f"Not timed here, since shipped or imported: {', '.join(names)}."] if names else []


def latex(
    data: pandas.DataFrame, cells: Cells, heading: Callable[[Panel], str] | None = None
) -> str:
    """The numbers of the figure as a LaTeX table; it needs the package booktabs.

    Args:
        data: what ``draw`` returns, maybe read back from its CSV file.
        cells: what the study says of its panels.
        heading: what stands above the columns of a panel; its title, if left out.
    """
    heading = heading or cells.title
    found = cells.panels(data)
    columns = [(heading(panel), metric) for panel in found for metric in METRICS]
    lines = []
    for name, rows in data.groupby("name", sort=False):
        for where, its in rows.groupby("origin", sort=True):  # measured, then published
            values = {
                (heading(panel), metric): row[metric]
                for panel in found
                for row in cells.rows_in(its, [panel]).to_dict("records")
                for metric in METRICS
            }
            device = "; ".join(dict.fromkeys(its["device"]))
            seconds = [values.get(column) for column in columns]
            lines.append([name if where == "measured" else "", where, *seconds, device])
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


def _means(rows: pandas.DataFrame, tables: Tables) -> pandas.DataFrame:
    """Mean over seeds of the seconds per epoch, in every panel and series."""
    counted = rows.assign(collapsed=rows["status"].eq("collapsed"))
    means = counted.groupby([*tables.panel, "name", "model"], as_index=False).agg(
        last=(METRICS["last"], "mean"),
        mean=(METRICS["mean"], "mean"),
        device=("device", lambda found: "; ".join(sorted(set(found)))),
        n=("seed", "size"),
        collapsed=("collapsed", "sum"),
    )
    order = {name: i for i, name in enumerate(tables.cells.names(rows))}
    means = means.sort_values("name", key=lambda names: names.map(order), kind="stable")
    return with_diverged(means, tables).assign(origin="measured")


def _draw_series(
    axes: Axes,
    height: float,
    rows: pandas.DataFrame,
    its: Style,
    more: dict[str, Any],
) -> None:
    """The last and the mean epoch of one series in one panel."""
    for row in rows.to_dict("records"):
        kind = {"color": its.colour, "zorder": 3} | more
        axes.plot(row["mean"], height, **TICK | kind)
        axes.plot(row["last"], height, marker=its.marker, **LAST | kind)


def _fit(axes: Axes, rows: pandas.DataFrame) -> None:
    """A logarithmic axis of seconds that holds all of them."""
    values = rows[list(METRICS)].to_numpy(float)
    values = values[values > 0]
    logarithmic(axes, (1,) if values.max() / values.min() > 100 else (1, 3))
    axes.set_xlim(values.min() / 2, values.max() * 2)


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
