"""Lines of every filter over the epochs, one panel for each of its four parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from isotrope.results.style import styles


def by_scale(values: NDArray[Any]) -> NDArray[np.float64]:
    """Recordings with one axis for scales and one for angles: ``(epochs, J, L)``.

    Where there is one number for each scale alone, there is one angle.
    """
    found: NDArray[np.float64] = values.astype(np.float64).reshape(*values.shape[:2], -1)
    return found


def draw_panel(axes: Axes, epochs: NDArray[Any], values: NDArray[np.float64]) -> None:
    """A line for each filter, in the colour of its scale."""
    for scale, its in enumerate(styles(_names(values)).values()):
        for angle in range(values.shape[2]):
            line = values[:, scale, angle]
            axes.plot(epochs, line, color=its.colour, linewidth=0.8, alpha=0.8)


def legend(values: NDArray[np.float64]) -> Sequence[Artist]:
    """What the colours mean."""
    return [
        Line2D([], [], color=its.colour, label=name) for name, its in styles(_names(values)).items()
    ]


def four_panels(figure: Figure) -> list[Axes]:
    """Two by two panels over epochs."""
    grid = figure.subplots(2, 2, sharex=True)
    for axes in grid[1]:
        axes.set_xlabel("Epoch")
        axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    return [axes for row in grid for axes in row]


def rows_of(epochs: NDArray[Any], values: Mapping[str, NDArray[np.float64]]) -> pandas.DataFrame:
    """A row for each epoch and filter, with the parameters side by side."""
    first = next(iter(values.values()))
    places = np.indices(first.shape).reshape(3, -1)
    columns = {"epoch": epochs[places[0]], "scale": places[1], "angle": places[2]}
    return pandas.DataFrame({**columns, **{name: one.ravel() for name, one in values.items()}})


def _names(values: NDArray[np.float64]) -> list[str]:
    return [f"scale {j}" for j in range(values.shape[1])]
