"""The equivariance errors of layers: what the figures on them share."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas

from isotrope.results.cells import Panel
from isotrope.results.series import Tables, lost_seeds, means_of, measured, origin

METRICS = ("error", "floor", "untrained")
LAST = (
    "features",
    "head",
    "output",
    "logits",
)  # layers that follow all others, whatever their name
COLUMNS = {
    "runs": {"training.epochs": "number"},
    "equivariance": {"part": "text", "angle": "number", "scale": "number"},
}


@dataclass(frozen=True, eq=False)
class Layers:
    """Errors and their references.

    Args:
        tables: the tables.
        rows: the errors of each seed.
        means: means over seeds with the column ``metric``, for each panel, series, layer
            (``part``), angle and scale.
    """

    tables: Tables
    rows: pandas.DataFrame
    means: pandas.DataFrame

    @property
    def series(self) -> list[tuple[Panel, str]]:
        """The series of each panel, in their order."""
        cells = self.tables.cells
        return [
            (panel, name)
            for panel in cells.panels(self.rows)
            for name in cells.names(cells.rows_in(self.rows, [panel]))
        ]

    def title(self, panel: Panel, name: str) -> str:
        """A series in words, with its panel where there are several."""
        cells = self.tables.cells
        several = len(cells.panels(self.rows)) > 1
        return f"{name}, {cells.title(panel)}" if several else name

    def of(self, panel: Panel, name: str) -> pandas.DataFrame:
        """The means of a series in a panel."""
        return self.tables.cells.series_in(self.means, panel, name)

    def sentences(self, left_out: Sequence[str]) -> list[str]:
        """How the figure was made, and which of its rows have no room."""
        lacking = f"Left out for want of room: {'; '.join(left_out)}." if left_out else ""
        return [
            *([lacking] if lacking else []),
            *origin(self.rows, self.means.iloc[:0], self.tables),
            *lost_seeds(self.rows, self.tables),
        ]


def layers_of(tables: Tables) -> Layers:
    """The errors of all layers.

    Raises:
        UserError: if the tables hold nothing to draw or do not belong together.
    """
    rows = measured(tables, "equivariance", "error")
    found = [
        means_of(measured(tables, "equivariance", metric), tables, ["part", "angle", "scale"])
        for metric in METRICS
    ]
    named = [frame.assign(metric=metric) for frame, metric in zip(found, METRICS, strict=True)]
    return Layers(tables, rows, pandas.concat(named, ignore_index=True))


def parts_of(line: pandas.DataFrame) -> list[str]:
    """The layers of a series, from the first."""
    return sorted(set(line["part"]), key=place_of)


def place_of(part: str) -> tuple[int, str]:
    """What sorts layers from the first to the last."""
    return (1 + LAST.index(part) if part in LAST else 0), part
