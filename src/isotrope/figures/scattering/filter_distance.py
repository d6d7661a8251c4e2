"""How far the filters move from a tight frame while they are learned, and from each other.

The distances are those of the evaluation ``filter_distance``, of what networks recorded while they
trained. Of two series that differ in nothing but where their filters began, the distance of one to
the other at the same epoch is shown, too, seed by seed.
"""

from typing import Any

import numpy as np
import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from isotrope.evaluation._wavelet_distances import Form, distances_by_epoch, tight_frame
from isotrope.figures.scattering._recorded import NONE, WAVELETS, Recorded, recorded
from isotrope.results.series import Tables, origin, seeds
from isotrope.results.statistics import FEWEST, summarise
from isotrope.results.style import DOUBLE, add_foot, blank, look, new_figure, styles

TITLE = "Distance of the filters from a tight frame"
TABLES = ("runs",)
ARRAYS = ("recordings",)
COLUMNS = {"runs": {"training.epochs": "number"}}
CAPTION = (
    "The sum of the distances of matched filters, epoch by epoch: as published (left), and with "
    "directions as lines and differences relative to the size of a filter (right). Solid: from a "
    "tight frame; dashed: of filters that began at a tight frame from those of the same seed that "
    "began at random. Of what was recorded (training.monitor); the table of this name has the "
    "distances before and after training. Mean over seeds, with its 95 % interval (Student's t) as "
    "a band."
)

FORMS: dict[Form, str] = {"published": "as published", "periodic": "lines, relative to size"}
FRAME, OTHER = "tight_frame", "random"
MOST, POINTS = 6, 60  # lines of each kind, and epochs of a line
DASHED: Any = (0, (4, 1.5))
BY = ("to", "form", "epoch")


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, and the arrays ``recordings``.

    Returns:
        The figure, and a row per panel, series, reference (``to``), form and epoch: mean over seeds
        with its interval, also of series for which there is no room.
    """
    data = _data(tables)
    if data.empty:
        return blank(NONE), data
    lines = list(dict.fromkeys(zip(_labels(data, tables), data["to"], strict=True)))
    names = list(dict.fromkeys(label for label, _ in lines))[:MOST]
    style = styles(names)
    figure = new_figure(DOUBLE, 2.4)
    grid = figure.subplots(1, len(FORMS), squeeze=False)[0]
    labels = _labels(data, tables)
    for axes, (form, title) in zip(grid, FORMS.items(), strict=True):
        axes.set_title(title)
        axes.set(xlabel="Epoch", ylabel="Sum of distances")
        axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
        for label, to in lines:
            if label in names:
                chosen = (labels == label) & data["to"].eq(to) & data["form"].eq(form)
                _draw_line(axes, data[chosen], style[label].colour, to)
        axes.set_ylim(bottom=0)
    handles: list[Artist] = []
    for label, its in style.items():
        count = seeds([int(n) for n in data[labels == label]["n"]])
        handles.append(Line2D([], [], color=its.colour, label=f"{label} ({count})"))
    if data["to"].eq(OTHER).any():
        words = "from those that began at random"
        handles.append(Line2D([], [], color="0.4", linestyle=DASHED, label=words))
    known = tables.runs[
        tables.runs["name"].isin(data["name"]) & tables.runs["status"].ne("diverged")
    ]
    rest = list(dict.fromkeys(label for label, _ in lines))[MOST:]
    left_out = [f"Left out for want of room: {'; '.join(rest)}."] if rest else []
    add_foot(figure, handles, [*left_out, *origin(known, known.iloc[:0], tables)])
    return figure, data


def _labels(data: pandas.DataFrame, tables: Tables) -> NDArray[Any]:
    """What the series are called: with their panels where these are several."""
    panels = list(zip(*(data[column] for column in tables.panel), strict=True))
    several = len(set(panels)) > 1
    found = [
        f"{name}, {tables.cells.title(panel)}" if several else name
        for panel, name in zip(panels, data["name"], strict=True)
    ]
    return np.array(found, dtype=object)


def _data(tables: Tables) -> pandas.DataFrame:
    """Means over seeds of the distances."""
    found = recorded(tables)
    rows = []
    for one in found:
        places = _places(one)
        ours = {name: one.arrays[name][places].astype(np.float64) for name in WAVELETS}
        references = {FRAME: tight_frame(*ours["theta"].shape[1:])}
        if (twin := _twin(one, found, tables)) is not None:
            references[OTHER] = {n: twin.arrays[n][places].astype(np.float64) for n in WAVELETS}
        facts = {column: one.run[column] for column in (*tables.panel, "name", "model", "status")}
        for to, reference in references.items():
            for form in FORMS:
                values = distances_by_epoch(ours, reference, form)
                for epoch, value in zip(one.epochs[places], values, strict=True):
                    key = {"to": to, "form": form, "epoch": int(epoch)}
                    rows.append({**facts, **key, "value": float(value)})
    by = [*tables.panel, "name", "model", *BY]
    if not rows:
        return pandas.DataFrame(columns=[*by, "mean", "low", "high", "spread", "n"])
    return summarise(pandas.DataFrame(rows), by).drop(columns="collapsed")


def _places(one: Recorded) -> NDArray[np.int64]:
    """Which recordings are shown: so many of them at equal distances."""
    count = len(one.epochs)
    return np.unique(np.linspace(0, count - 1, min(count, POINTS)).round().astype(np.int64))


def _twin(one: Recorded, found: list[Recorded], tables: Tables) -> Recorded | None:
    """The same seed of a run that began at random, where this one began at a tight frame."""
    form, begin = "variant.parameterization", "variant.init"
    if one.run[begin] != FRAME:
        return None
    same = (*tables.panel, "model", "seed", form, "variant.J")
    for other in found:
        alike = all(other.run[column] == one.run[column] for column in same)
        if alike and other.run[begin] == OTHER and np.array_equal(other.epochs, one.epochs):
            return other
    return None


def _draw_line(axes: Axes, line: pandas.DataFrame, colour: str, to: str) -> None:
    line = line.sort_values("epoch")
    dashes = DASHED if to == OTHER else "-"
    axes.plot(line["epoch"], line["mean"], color=colour, linestyle=dashes)
    if len(line) and line["n"].min() >= FEWEST:
        axes.fill_between(
            line["epoch"], line["low"], line["high"], color=colour, alpha=0.16, linewidth=0
        )
