"""Loss and accuracy of training and test images, epoch by epoch.

Of each number of training images and kind of network: the series side by side in one panel. Test
images are looked at while training where a run says so (``training.monitor``), and choose nothing;
without them the validation images are shown, if there are any.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from isotrope.results.cells import Panel
from isotrope.results.series import Tables, lost_seeds, origin, seeds
from isotrope.results.style import DOUBLE, GREY, Style, add_foot, blank, look, new_figure, styles_of
from isotrope.studies.scattering.cells import LINEAR

TITLE = "Learning curves"
TABLES = ("runs",)
ARRAYS = ("histories",)
COLUMNS = {"runs": {"training.epochs": "number"}}
CAPTION = (
    "Loss (above) and accuracy (below), epoch by epoch: of the training images, as they are "
    "augmented, as a running mean over 5 epochs (thin), and of the test images, where they were "
    "looked at (thick, with markers). Means over seeds."
)

KINDS = {True: "linear head", False: "convolutional network"}
MOST = 3  # panels side by side
SMOOTH = 5  # epochs
FEW = 30  # values of a line that have markers
QUANTITIES = ("loss", "accuracy")
TESTED = ("test", "validation")  # the first of them that a run has is shown
NONE = "no run here has a history"
SOLID: dict[str, Any] = {"linewidth": 1.3, "markersize": 2.6, "markeredgewidth": 0}
THIN: dict[str, Any] = {"linewidth": 0.6, "alpha": 0.8}


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, and the arrays ``histories``.

    Returns:
        The figure, and what was measured: a row per panel, series, split, quantity and epoch, also
        of those for which there is no room.
    """
    data = _data(tables)
    if data.empty:
        return blank(NONE), data
    cells = tables.cells
    found = [
        (panel, kind)
        for panel in cells.panels(data)
        for kind in KINDS.values()
        if cells.rows_in(data, [panel])["kind"].eq(kind).any()
    ]
    style = {name: styles_of(tables)[name] for name in cells.names(data)}
    shown = found[:MOST]
    figure = new_figure(DOUBLE, 3.6)
    grid = figure.subplots(2, len(shown), squeeze=False, sharex="col", sharey="row")
    for (panel, kind), column in zip(shown, grid.T, strict=True):
        its = cells.rows_in(data, [panel])
        its = its[its["kind"].eq(kind)]
        column[0].set_title(f"{cells.title(panel)},\n{kind}")
        column[-1].set_xlabel("Epoch")
        column[-1].xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
        for quantity, axes in zip(QUANTITIES, column, strict=True):
            _draw_panel(axes, its[its["quantity"].eq(quantity)], style)
    grid[0, 0].set_ylabel("Loss")
    grid[1, 0].set_ylabel("Accuracy (%)")
    left_out = "; ".join(f"{cells.title(panel)}, {kind}" for panel, kind in found[MOST:])
    known = tables.runs[
        tables.runs["name"].isin(data["name"]) & tables.runs["status"].ne("diverged")
    ]
    sentences = [
        *([f"Left out for want of room: {left_out}."] if left_out else []),
        *origin(known, known.iloc[:0], tables),
        *lost_seeds(known, tables),
    ]
    drawn = data[[one in set(shown) for one in _keys(data, tables)]]
    add_foot(figure, _legend(drawn, style), sentences)
    return figure, data


def _keys(data: pandas.DataFrame, tables: Tables) -> list[tuple[Panel, str]]:
    rows = zip(*(data[column] for column in tables.panel), strict=True)
    return list(zip(rows, data["kind"], strict=True))


def _data(tables: Tables) -> pandas.DataFrame:
    """Means over seeds; running means of the training images."""
    columns = [*tables.panel, "name", "model"]
    by_seed: dict[str, dict[str, NDArray[Any]]] = {}
    for name, array in tables.arrays["histories"].items():
        seed, _, column = name.rpartition("/")
        by_seed.setdefault(seed, {})[column] = array
    frames = []
    for run in tables.runs.to_dict("records"):
        history = by_seed.get(f"{run['run']}/{run['point']}/{run['seed']}", {})
        if run["status"] == "diverged" or "epoch" not in history:
            continue
        kind = KINDS[run["model"] in LINEAR]
        key = {**{column: run[column] for column in columns}, "kind": kind}
        frames += [frame.assign(**key) for frame in _curves(history)]
    by = [*columns, "kind", "split", "quantity", "epoch"]
    if not frames:
        return pandas.DataFrame(columns=[*by, "mean", "spread", "n"])
    whole = pandas.concat(frames, ignore_index=True).groupby(by, as_index=False, sort=False)
    found = whole["value"].agg(["mean", "std", "size"])
    return found.rename(columns={"std": "spread", "size": "n"})


def _curves(history: Mapping[str, NDArray[Any]]) -> list[pandas.DataFrame]:
    """The curves of a seed."""
    tested = next((one for one in TESTED if _is_there(history.get(f"{one}_loss"))), None)
    found = []
    for split in ("train", *([tested] if tested else [])):
        for quantity in QUANTITIES:
            values = history.get(f"{split}_{quantity}")
            if values is None or not _is_there(values):
                continue
            series = pandas.Series(values)
            if split == "train":
                series = series.rolling(SMOOTH, center=True, min_periods=1).mean()
            frame = pandas.DataFrame({"epoch": history["epoch"].astype(int), "value": series})
            found.append(frame.assign(split=split, quantity=quantity).dropna(subset=["value"]))
    return found


def _is_there(values: NDArray[Any] | None) -> bool:
    return values is not None and bool(np.isfinite(values).any())


def _draw_panel(axes: Axes, rows: pandas.DataFrame, style: Mapping[str, Style]) -> None:
    factor = 100.0 if rows["quantity"].eq("accuracy").any() else 1.0
    for name, its in style.items():
        for split, line in rows[rows["name"].eq(name)].groupby("split", sort=False):
            kind = {**THIN} if split == "train" else {**SOLID}
            if split != "train" and len(line) <= FEW:
                kind["marker"] = its.marker
            axes.plot(line["epoch"], factor * line["mean"], color=its.colour, **kind)


def _legend(data: pandas.DataFrame, style: Mapping[str, Style]) -> list[Artist]:
    handles: list[Artist] = []
    for name, its in style.items():
        if len(line := data[data["name"].eq(name)]):
            label = f"{name} ({seeds([int(n) for n in line['n']])})"
            handles.append(Line2D([], [], color=its.colour, marker=its.marker, label=label))
    plain: dict[str, Any] = {"color": GREY}
    handles.append(Line2D([], [], **plain, **THIN, label="training images"))
    if tested := [split for split in TESTED if data["split"].eq(split).any()]:
        label = f"{' or '.join(tested)} images"
        handles.append(Line2D([], [], **plain, **SOLID, label=label))
    return handles
