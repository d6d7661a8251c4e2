"""One look for all figures: sizes, fonts, and a colour, marker and line style for every series.

Sizes are in inches (journal columns), fonts in points. DejaVu Sans comes with matplotlib; where an
SVG is shown without it, Verdana has nearly its widths. The colours are those of Okabe and Ito and
of Tol's "muted" scheme that stand out on white, ordered so that neighbours differ in lightness.
"""

import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any
from zlib import crc32

import matplotlib
import numpy as np
import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from isotrope.files.disk import write_whole
from isotrope.results.cells import Panel
from isotrope.results.lines import in_lines
from isotrope.results.series import Tables

SINGLE, DOUBLE = 3.4, 7.0  # inches
SMALL, NORMAL = 6.5, 7.5  # points
GREY = "0.4"
FEW = 6  # numbers of an axis that may each be written
LETTERS = 44  # of a label, in one line
NOTHING = "nothing-to-draw"  # the id in the SVG of a figure without content
FOOT = "foot"  # what the sentences below the panels are called in an SVG

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
    """The style of each series.

    The first twelve differ in colour and in marker. A later one has the colour of an earlier one,
    with another marker and another line.
    """
    return {name: _style(place) for place, name in enumerate(names)}


def _style(place: int) -> Style:
    """The style with a number: of each 144 there is one, of one colour 3 have other lines."""
    return Style(
        _COLOURS[place % len(_COLOURS)],
        _MARKERS[(place + place // len(_COLOURS)) % len(_MARKERS)],
        _DASHES[(place + place // len(_COLOURS)) % len(_DASHES)],
    )


def styles_of(tables: Tables) -> dict[str, Style]:
    """The style of every series of a study, which belongs to it whatever else is drawn.

    A label that the study gives a colour has it; else the shortest label of a model that the study
    orders has the model's. Any other has a colour that follows from its name, and takes the next
    free one only where that is taken.
    """
    cells = tables.cells
    models = cells.order.get("model", ())
    known = {label: place for place, label in enumerate(cells.coloured)}
    of_model = {model: len(known) + place for place, model in enumerate(models)}
    columns = (tables.runs[column] for column in ("name", "label", "model"))
    series = sorted(set(zip(*columns, strict=True)), key=lambda one: (len(one[1]), one))
    slots: dict[str, int] = {}
    rest = []
    for name, label, model in series:
        place = known.get(label, of_model.get(model))
        if name in slots:
            continue
        if place is None or place in slots.values():
            rest.append(name)
        else:
            slots[name] = place
    for name in (name for name in rest if name not in slots):
        colours = {place % len(_COLOURS) for place in slots.values()}
        first = crc32(name.encode()) % len(_COLOURS)
        near = [(first + step) % len(_COLOURS) for step in range(len(_COLOURS))]
        free = [place for place in near if place not in colours]
        later = (first + len(_COLOURS) * turn for turn in range(1, len(series) + 2))
        slots[name] = free[0] if free else next(p for p in later if p not in slots.values())
    return {name: _style(slots[name]) for name in tables.names}


def grid_positions(found: Sequence[Panel], most: int = 3) -> dict[Panel, tuple[int, int]]:
    """The row and column of each panel of a figure.

    Settings of a data set stand side by side; with several data sets, each has a row, and each
    setting a column. Where that would leave many places empty (data sets without settings, or with
    settings of their own), all panels follow one another.

    Args:
        found: the panels in order.
        most: panels side by side, at most, where each data set has no row of its own.
    """
    sets = list(dict.fromkeys(panel[0] for panel in found))
    settings = list(dict.fromkeys(panel[1:] for panel in found))
    full = 3 * len(found) >= 2 * len(sets) * len(settings)
    if len(sets) > 1 and full and any(any(words) for words in settings):
        return {panel: (sets.index(panel[0]), settings.index(panel[1:])) for panel in found}
    columns = min({1: 1, 2: 2, 4: 2}.get(len(found), 3), most)
    return {panel: divmod(i, columns) for i, panel in enumerate(found)}


def panels(
    found: Sequence[Panel],
    height: float,
    labels: tuple[str, str],
    wide: bool = False,
    most: int = 3,
) -> tuple[Figure, dict[Panel, Axes]]:
    """An empty figure with its panels, without titles; all share both axes.

    A single panel fits a journal's column.

    Args:
        found: the panels in order.
        height: of a panel, in inches.
        labels: of the x axis and of the y axis, with their units.
        wide: whether even a single panel takes two columns of a page.
        most: as ``grid_positions``.
    """
    cells = grid_positions(found, most)
    rows, columns = (1 + max(cell[axis] for cell in cells.values()) for axis in (0, 1))
    width = DOUBLE if wide or columns > 1 else SINGLE
    figure = new_figure(width, rows * height)
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
    return figure, {panel: grid[cell] for panel, cell in cells.items()}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of some inches that lays itself out and can measure its words."""
    figure = Figure((width, height), layout="constrained")
    FigureCanvasAgg(figure)  # measures words, whatever is written later
    return figure


def wrapped(names: Sequence[str], letters: int = 18) -> tuple[list[str], int]:
    """Names in lines of so many letters, for the rows of a panel; and the most lines of one."""
    found = [in_lines(name, letters) for name in names]
    return found, 1 + max(name.count("\n") for name in found)


def rows_of_names(axes: Axes, names: Sequence[str], grid: dict[str, Any]) -> None:
    """Give a panel a row for each name, from the top, and lines of a grid behind them."""
    axes.set(ylim=(len(names) - 0.4, -0.6))
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(linewidth=0.5, **grid)
    axes.set_axisbelow(True)


def logarithmic(axes: Axes, steps: Sequence[int], drawn: Collection[float] = ()) -> None:
    """Give the x axis a logarithmic scale with plain numbers.

    Args:
        axes: the panel.
        steps: multiples of powers of ten that have a number.
        drawn: where something is drawn; if these are few and apart, they have numbers instead.
    """
    axes.set(xscale="log")
    places = sorted(set(drawn))
    apart = all(right >= 1.25 * left for left, right in pairwise(places))
    if 0 < len(places) <= FEW and apart:
        axes.xaxis.set_major_locator(FixedLocator(places))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(LogLocator(subs=steps))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def blank(sentence: str) -> Figure:
    """A figure without panels, which says why there is nothing in it.

    Its SVG is marked, so that the report says the sentence and shows no picture.
    """
    figure = Figure((SINGLE, 0.4))
    figure.set_gid(NOTHING)
    figure.set_label(sentence)
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
    note.set_gid(FOOT)
    for letters in range(int(width * 24), 20, -2):  # 24 narrow letters to the inch
        note.set_text(in_lines(" ".join(sentences), letters))
        if note.get_window_extent().width / figure.dpi <= width - 0.12:
            break
    note_height = note.get_window_extent().height / figure.dpi + 0.1
    for handle in handles:
        handle.set_label(in_lines(str(handle.get_label()), LETTERS))
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
    says_why = {"Description": str(figure.get_label())} if figure.get_gid() == NOTHING else {}
    of_svg: dict[str, str | None] = {"Date": None, **says_why}
    for suffix, metadata in ((".svg", of_svg), (".pdf", {"CreationDate": None})):
        content = io.BytesIO()
        figure.savefig(content, format=suffix[1:], metadata=metadata)
        written.append(stem.with_name(stem.name + suffix))
        write_whole(written[-1], content.getvalue())
    written.append(stem.with_name(stem.name + ".csv"))
    write_whole(written[-1], data.to_csv(index=False, lineterminator="\n"))
    return written


def foot_of(svg: str) -> str:
    """The sentences below the panels of a figure that was saved as this SVG, if there are any."""
    found = re.search(f'<g id="{FOOT}">(.*?)</g>', svg, re.DOTALL)
    lines = re.findall("<text[^>]*>(.*?)</text>", found[1], re.DOTALL) if found else []
    return unescape(" ".join(lines))


def nothing_drawn(svg: str) -> str:
    """Why there is nothing in a figure that was saved as this SVG; nothing if there is."""
    if f'id="{NOTHING}"' not in svg:
        return ""
    found = re.search("<dc:description>(.*?)</dc:description>", svg, re.DOTALL)
    return unescape(found[1]).strip() if found else "no reason was given"
