"""What log-polar samples are: an image with its rings, and its map before and after two changes.

A turn of the image shifts its map along the angles, a scaling along the radii.
"""

from typing import Any

import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from isotrope.results.series import Tables
from isotrope.results.style import DOUBLE, SMALL, add_foot, blank, look, new_figure

TITLE = "Log-polar samples before and after a turn and a scaling"
TABLES = ("runs",)
ARRAYS = ("examples",)
COLUMNS: dict[str, dict[str, str]] = {"runs": {}}
CAPTION = (
    "Above: an image with the rings and spokes along which it is sampled; as it is, turned "
    "counter-clockwise, and made larger. Below: its log-polar map, angles to the right and radii "
    "downwards. The turn shifts the map along the angles, and what leaves it on the right comes in "
    "on the left; the scaling shifts it along the radii, and what leaves it is lost. Circle: a "
    "place in the map. Arrow: where the change moves it. Pictures of MNIST are under CC BY-SA "
    "3.0."
)

MOST = 3  # data sets
SHOWN_RINGS, SHOWN_SPOKES = 4, 3  # every so many of them is drawn
GRID: dict[str, Any] = {"color": "#E69F00", "linewidth": 0.5, "alpha": 0.75}
PLACE: dict[str, Any] = {
    "marker": "o",
    "markersize": 6,
    "markerfacecolor": "none",
    "markeredgecolor": "#E69F00",
    "markeredgewidth": 0.8,
    "linestyle": "",
}
MOVED: dict[str, Any] = {"color": "#E69F00", "linewidth": 1.1}


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, and the arrays of ``examples``: see `isotrope.studies.log_polar.examples`.

    Returns:
        The figure, and a row for each map in it.
    """
    examples = tables.arrays["examples"]
    found = list(dict.fromkeys(panel[0] for panel in tables.cells.panels(tables.runs)))
    places = [place for place in found if f"{place}/maps" in examples][:MOST]
    if not places:
        return blank("no data set here is held in memory"), _data(tables, [])
    figure = new_figure(DOUBLE, 3.4 * len(places))
    grid = figure.subplots(2 * len(places), 3, squeeze=False, height_ratios=[1.5, 1] * len(places))
    for i, place in enumerate(places):
        for column in range(3):
            of_place = {
                name: examples[f"{place}/{name}"]
                for name in ("images", "maps", "radii", "angles", "poses", "shifts")
            }
            _draw_image(grid[2 * i, column], of_place, column)
            _draw_map(grid[2 * i + 1, column], of_place, column)
        grid[2 * i, 0].set_title(f"{place}, as it is")
    sources = dict(zip(tables.runs["place"], tables.runs["source"], strict=True))
    images = ", ".join(
        place if place.endswith(f"({sources[place]})") else f"{place} ({sources[place]})"
        for place in places
    )
    add_foot(figure, [], [f"Images: {images}."])
    return figure, _data(tables, places)


def _draw_image(axes: Axes, its: dict[str, NDArray[Any]], column: int) -> None:
    """An image with the rings and spokes of its grid."""
    image = its["images"][column]
    axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    height, width = image.shape[:2]
    x, y = (width - 1) / 2, (height - 1) / 2
    around = np.linspace(0, 2 * np.pi, 181)
    for radius in its["radii"][::-SHOWN_RINGS]:
        axes.plot(x + radius * np.cos(around), y - radius * np.sin(around), **GRID)
    ends = np.array([its["radii"][0], its["radii"][-1]])
    for angle in np.radians(its["angles"][::SHOWN_SPOKES]):
        axes.plot(x + ends * np.cos(angle), y - ends * np.sin(angle), **GRID)
    axes.set(xticks=[], yticks=[], xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    axes.spines[:].set_visible(False)
    turn, scale = its["poses"][column]
    axes.set_title(f"turned by {turn:.0f}°" if turn else f"scaled by {scale:.2f}")


def _draw_map(axes: Axes, its: dict[str, NDArray[Any]], column: int) -> None:
    """A map with the place that the change moves."""
    values, (down, right) = its["maps"], its["shifts"][column]
    axes.imshow(
        values[column],
        cmap="gray",
        vmin=0,
        vmax=values.max(),
        aspect="auto",
        interpolation="nearest",
    )
    first, most = values.shape[1] // 3, its["shifts"].max(axis=0)  # not of the middle of the image
    inside = values[0, first : values.shape[1] - most[0], : values.shape[2] - most[1]]
    row, angle = np.unravel_index(int(inside.argmax()), inside.shape)
    row += first
    axes.plot(angle, row, **PLACE)
    if down or right:
        end = ((angle + right) % values.shape[2], row + down)
        kind = {"arrowstyle": "-|>", **MOVED, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7}
        axes.annotate("", end, (angle, row), arrowprops=kind)
        words = f"{right} columns" if right else f"{down} rows"
        axes.set_title(f"shifted by {words}", size=SMALL)
    ticks = np.arange(0, values.shape[2], values.shape[2] // 4)
    axes.set_xticks(ticks, [f"{its['angles'][tick]:.0f}" for tick in ticks])
    rows = [0, values.shape[1] // 2, values.shape[1] - 1]
    axes.set_yticks(rows, [f"{its['radii'][tick]:.1f}" for tick in rows])
    axes.set_xlabel("Angle (degrees)", size=SMALL)
    if column == 0:
        axes.set_ylabel("Radius (pixels)", size=SMALL)


def _data(tables: Tables, places: list[str]) -> pandas.DataFrame:
    """A row for each map: its pose, and by how much it is shifted."""
    sources = dict(zip(tables.runs["place"], tables.runs["source"], strict=True))
    rows = []
    for place in places:
        examples = tables.arrays["examples"]
        poses, shifts = examples[f"{place}/poses"], examples[f"{place}/shifts"]
        for (turn, scale), (down, right) in zip(poses, shifts, strict=True):
            rows.append([place, sources[place], turn, scale, int(down), int(right)])
    columns = ["place", "source", "angle", "scale", "rows", "columns"]
    return pandas.DataFrame(rows, columns=columns)
