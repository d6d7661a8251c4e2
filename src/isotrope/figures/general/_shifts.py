"""What is measured at shifts of a box: what the figures on it share."""

from collections.abc import Callable, Sequence

import pandas
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from isotrope.figures.general._lines import draw_panels, lines_of
from isotrope.results.series import Tables, measured_and_published

TABLE = "shift_accuracy"
COLUMNS = {
    "runs": {"training.epochs": "number"},
    TABLE: {"kind": "text", "distance": "number"},
}
KINDS = {"circular": "around the border", "standard": "off the canvas"}  # as titles say them
PARTS = ("fourier", "bilinear")  # kinds of shifts by parts of a pixel
PROTOCOLS = ("cifar", "imagenet", "each")  # of consistency, the one to show first
PERCENT = ("consistency", "steady")  # metrics that tables hold in percent

Take = Callable[[pandas.DataFrame], pandas.DataFrame]


def draw_by_distance(tables: Tables, metric: str, measure: str) -> tuple[Figure, pandas.DataFrame]:
    """A panel for each data set and kind of shift by whole pixels: a metric against its distance.

    Args:
        tables: ``runs`` and ``shift_accuracy``.
        metric: in rows of a distance.
        measure: of the y axis.

    Returns:
        The figure, and what it shows, as fractions.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows = tables[TABLE]
    of_shift = rows["distance"].notna() & rows["kind"].isin(KINDS)
    rows = rows[of_shift | rows["metric"].ne(metric)]
    factor = 0.01 if metric in PERCENT else 1.0
    scaled = rows["value"].where(rows["metric"].ne(metric), factor * rows["value"])
    frames = {**tables.frames, TABLE: rows.assign(value=scaled)}
    chosen = Tables(frames, tables.cells, tables.published.iloc[:0])
    lines = lines_of(chosen, TABLE, ["kind", "distance"], metric)
    found = set(lines.means["kind"])
    parts = {words: _taking(kind) for kind, words in KINDS.items() if kind in found}
    figure, grid = draw_panels(lines, "distance", parts, "Shift (pixels)", measure)
    for axes in grid:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure, measured_and_published(lines.means, lines.beside)


def _taking(kind: str) -> Take:
    return lambda rows: rows[rows["kind"].eq(kind)]


def of_protocols(rows: pandas.DataFrame) -> tuple[pandas.DataFrame, list[str]]:
    """Rows of consistency under one protocol for each run, and the protocols that these are.

    It is the published one of its data where that was measured.
    """
    rank = rows["protocol"].map(lambda name: (*PROTOCOLS, name).index(name))
    rows = rows[rank.eq(rank.groupby(rows["run"]).transform("min"))]
    found = set(rows["protocol"])
    return rows, sorted(found, key=lambda name: (*PROTOCOLS, name).index(name))


def said(protocols: Sequence[str]) -> str:
    """The protocols of consistency in a sentence."""
    return f"Consistency: protocol {' and '.join(protocols)}."
