"""One look for all figures: sizes, fonts, and a colour, marker and line style for every series.

Sizes are in inches (journal columns), fonts in points. DejaVu Sans comes with matplotlib; where an
SVG is shown without it, Verdana has nearly its widths. The colours are those of Okabe and Ito and
of Tol's "muted" scheme that stand out on white, ordered so that neighbours differ in lightness.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

import matplotlib
import numpy as np
import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from isotrope.files.disk import write_whole

SINGLE, DOUBLE = 3.4, 7.0  # inches
SMALL, NORMAL = 6.5, 7.5  # points
GREY = "0.4"
LETTERS = 44  # of a label, in one line

CHANCE: dict[str, Any] = {"color": GREY, "linewidth": 0.8, "linestyle": (0, (1, 2))}

LOOK: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
    "font.size": NORMAL,
    "axes.labelsize": NORMAL,
    "axes.titlesize": NORMAL,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "lines.linewidth": 1.3,
    "lines.markersize": 4.0,
    "legend.frameon": False,
    "legend.handlelength": 2.8,
    "savefig.dpi": 300,
    "svg.fonttype": "none",  # words stay words: they can be searched, read aloud and edited
    "svg.hashsalt": "isotrope",
    "pdf.fonttype": 42,
}
look = matplotlib.rc_context(LOOK)

_COLOURS = (
    "#332288",
    "#E69F00",
    "#117733",
    "#CC6677",
    "#56B4E9",
    "#882255",
    "#44AA99",
    "#000000",
    "#999933",
    "#0072B2",
    "#AA4499",
    "#D55E00",
)
_MARKERS = "os^DvPX<>ph*"
_DASHES = ((), (7.0, 1.5), (9.0, 1.5, 1.5, 1.5))


@dataclass(frozen=True)
class Style:
    """How one series is drawn, wherever it is drawn."""

    colour: str
    marker: str
    dashes: tuple[float, ...]

    @property
    def line(self) -> Any:
        """The line style as matplotlib takes it."""
        return (0, self.dashes) if self.dashes else "-"


def styles(names: Sequence[str]) -> dict[str, Style]:
    """The style of each series; the first twelve differ in colour and in marker."""
    return {
        name: Style(
            _COLOURS[i % len(_COLOURS)],
            _MARKERS[(i + i // len(_COLOURS)) % len(_MARKERS)],
            _DASHES[i % len(_DASHES)],
        )
        for i, name in enumerate(names)
    }


def panels(
    found: Sequence[tuple[str, str]],
    height: float,
    labels: tuple[str, str],
    wide: bool = False,
    most: int = 3,
) -> tuple[Figure, dict[tuple[str, str], Axes]]:
    """An empty figure with one panel per place; all share both axes.

    A single panel fits a journal's column. Scenarios stand side by side; with several data sets,
    each has a row.

    Args:
        found: data set and scenario of each panel, in order.
        height: of a panel, in inches.
        labels: of the x axis and of the y axis, with their units.
        wide: whether even a single panel takes two columns of a page.
        most: panels side by side, at most, where there is one data set alone.
    """
    sets = list(dict.fromkeys(place for place, _ in found))
    scenarios = list(dict.fromkeys(scenario for _, scenario in found))
    if len(sets) > 1:
        columns = len(scenarios)
        cells = {at: (sets.index(at[0]), scenarios.index(at[1])) for at in found}
    else:
        columns = min({1: 1, 2: 2, 4: 2}.get(len(found), 3), most)
        cells = {at: divmod(i, columns) for i, at in enumerate(found)}
    rows = 1 + max(row for row, _ in cells.values())
    width = DOUBLE if wide or columns > 1 else SINGLE
    figure = Figure((width, rows * height), layout="constrained")
    FigureCanvasAgg(figure)  # measures words, whatever is written later
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    used = set(cells.values())
    for (row, column), axes in np.ndenumerate(grid):
        if (row, column) not in used:
            axes.remove()
        elif (row + 1, column) not in used:
            axes.tick_params(labelbottom=True)
            axes.set_xlabel(labels[0])
    for axes in grid[:, 0]:
        axes.set_ylabel(labels[1])
    return figure, {at: grid[cell] for at, cell in cells.items()}


def blank(sentence: str) -> Figure:
    """A figure without panels, which says why there is nothing in it."""
    figure = Figure((SINGLE, 0.4))
    FigureCanvasAgg(figure)
    add_foot(figure, [], [f"Nothing to draw: {sentence}."])
    return figure


def add_foot(figure: Figure, handles: Sequence[Artist], sentences: Sequence[str]) -> None:
    """Put the legend and then the sentences below the panels; the figure grows by their height.

    Args:
        figure: from ``panels``.
        handles: labelled artists, in the order of the legend; none for no legend.
        sentences: how the figure was made.
    """
    width, height = figure.get_size_inches()
    note = figure.text(0.06 / width, 0, "", size=SMALL, color=GREY, va="bottom", linespacing=1.3)
    for letters in range(int(width * 24), 20, -2):  # 24 narrow letters to the inch
        note.set_text("\n".join(wrap(" ".join(sentences), letters)))
        if note.get_window_extent().width / figure.dpi <= width - 0.12:
            break
    note_height = note.get_window_extent().height / figure.dpi + 0.1
    for handle in handles:
        handle.set_label("\n".join(wrap(str(handle.get_label()), LETTERS)))
    legend, legend_width = None, 0.0
    for columns in range(min(len(handles), 6), 0, -1):
        legend = figure.legend(
            handles=handles, ncols=columns, loc="lower left", borderaxespad=0, columnspacing=1.6
        )
        legend_width = legend.get_window_extent().width / figure.dpi
        if legend_width <= width or columns == 1:
            break
        legend.remove()
    foot = note_height + (legend.get_window_extent().height / figure.dpi + 0.06 if legend else 0)
    whole = height + foot
    figure.set_size_inches(width, whole)
    note.set_y(0.04 / whole)
    if legend:
        middle = max(0, (width - legend_width) / 2) / width
        legend.set_bbox_to_anchor((middle, note_height / whole))
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0, foot / whole, 1, height / whole))


@look
def save(figure: Figure, data: pandas.DataFrame, stem: Path) -> list[Path]:
    """Write ``<stem>.svg``, ``<stem>.pdf`` and, with what is drawn in them, ``<stem>.csv``.

    The same figure always makes the same bytes. Each file is written whole or not at all.
    """
    written = []
    for suffix, metadata in ((".svg", {"Date": None}), (".pdf", {"CreationDate": None})):
        content = io.BytesIO()
        figure.savefig(content, format=suffix[1:], metadata=metadata)
        written.append(stem.with_name(stem.name + suffix))
        write_whole(written[-1], content.getvalue())
    written.append(stem.with_name(stem.name + ".csv"))
    write_whole(written[-1], data.to_csv(index=False, lineterminator="\n"))
    return written
