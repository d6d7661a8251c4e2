"""Heat maps of angle and scale: what the figures of this form share."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from isotrope.results.style import DOUBLE, SINGLE, SMALL, new_figure

PAGE = 9.0  # inches, of all maps together
FEW = 7  # angles that are all written; of more those that are quarter turns
ABOVE = 0.16  # inches, of a map's title for each of its lines


def table_of(line: pandas.DataFrame, column: str) -> pandas.DataFrame:
    """One value for each scale (rows, from the largest) and angle (columns)."""
    table = line.pivot(index="scale", columns="angle", values=column)
    return table.sort_index(ascending=False).sort_index(axis="columns")


def grid(count: int, columns: int, lines: int = 1) -> tuple[Figure, list[Axes]]:
    """An empty figure with so many small panels, filled row by row; they share both axes.

    Args:
        count: how many panels.
        columns: how many of them side by side.
        lines: of a title.
    """
    rows = -(-count // columns)
    width = SINGLE if columns == 1 else DOUBLE
    title = lines * ABOVE
    height = min(1.15 + title if columns < 4 else 0.75 + title, (PAGE - 0.5) / rows)
    figure = new_figure(width, rows * height + 0.5)
    cells = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes in cells[count:]:
        axes.remove()
    for axes in cells[max(0, count - columns) : count]:
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("Angle (degrees)", size=SMALL)
    for axes in cells[:count:columns]:
        axes.set_ylabel("Scale", size=SMALL)
    return figure, list(cells[:count])


def draw_map(axes: Axes, table: pandas.DataFrame, **kind: Any) -> AxesImage:
    """One heat map, with its angles and scales; NaN stays white."""
    values: NDArray[np.float64] = table.to_numpy(float)
    image = axes.imshow(values, aspect="auto", interpolation="nearest", **kind)
    angles, scales = table.columns.to_numpy(float), table.index.to_numpy(float)
    ticks = [i for i, angle in enumerate(angles) if angle % 90 == 0]
    if len(angles) <= FEW or not ticks:
        ticks = list(range(len(angles)))
    axes.set_xticks(ticks, [f"{angles[i]:g}" for i in ticks])
    rows = _apart(len(scales), 5)
    axes.set_yticks(rows, [f"{scales[i]:g}" for i in rows])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=1.5, labelsize=SMALL)
    return image


def _apart(count: int, most: int) -> Sequence[int]:
    """Places among so many that lie evenly apart, with the first and the last."""
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, most))})
