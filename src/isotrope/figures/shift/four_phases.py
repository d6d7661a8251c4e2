"""What a stride keeps of an image and of its shifted copy, and what the choice of a phase keeps."""

from typing import Any

import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from isotrope.results.series import Tables
from isotrope.results.style import DOUBLE, SMALL, add_foot, blank, look, new_figure

TITLE = "The four phases of an image and of its shifted copy"
TABLES = ("runs",)
ARRAYS = ("examples",)
COLUMNS: dict[str, dict[str, str]] = {"runs": {}}
CAPTION = (
    "Left: an image, and below it the same image one row further down. Beside each its four "
    "phases: even or odd rows with even or odd columns. A stride keeps the first phase of each "
    "(orange), which holds other pixels of the thing. The phase of the largest norm (blue) holds "
    "the same pixels in both. The photographs are those of scikit-image, each of a free licence."
)

MOST = 2  # data sets
NAMES = ("even rows, even columns", "even, odd", "odd, even", "odd, odd")
STRIDE, CHOSEN = "#E69F00", "#0072B2"


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, and the arrays of ``examples``: see `isotrope.studies.shift.examples`.

    Returns:
        The figure, and a row for each phase in it, with its norm.
    """
    examples = tables.arrays["examples"]
    found = list(dict.fromkeys(panel[0] for panel in tables.cells.panels(tables.runs)))
    places = [place for place in found if f"{place}/phases" in examples][:MOST]
    columns = ["place", "source", "image", "phase", "norm"]
    if not places:
        return blank("no data set here has images of even sides in memory"), pandas.DataFrame(
            columns=columns
        )
    figure = new_figure(DOUBLE, 2.95 * len(places))
    grid = figure.subplots(2 * len(places), 5, squeeze=False, width_ratios=[1.25, 1, 1, 1, 1])
    sources = dict(zip(tables.runs["place"], tables.runs["source"], strict=True))
    rows: list[list[Any]] = []
    for i, place in enumerate(places):
        its = {name: examples[f"{place}/{name}"] for name in ("images", "phases", "norms", "shift")}
        for j, said in enumerate((place, f"the same, {its['shift'][0]} row down")):
            across = grid[2 * i + j]
            _show(across[0], its["images"][j])
            across[0].set_title(said, size=SMALL)
            best = int(its["norms"][j].argmax())
            for k, (axes, name) in enumerate(zip(across[1:], NAMES, strict=True)):
                _show(axes, its["phases"][j, k])
                axes.set_title(name if i == j == 0 else "", size=SMALL)
                axes.set_xlabel(f"norm {its['norms'][j, k]:.3f}", size=SMALL)
                _frame(axes, *([STRIDE] if k == 0 else []), *([CHOSEN] if k == best else []))
                rows.append([place, sources[place], j, k, float(its["norms"][j, k])])
    images = ", ".join(f"{place} ({sources[place]})" for place in places)
    add_foot(figure, [], ["Orange: a stride. Blue: the largest norm.", f"Images: {images}."])
    return figure, pandas.DataFrame(rows, columns=columns)


def _show(axes: Axes, image: NDArray[Any]) -> None:
    axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _frame(axes: Axes, *colours: str) -> None:
    """Frames around a picture, one inside the other."""
    for i, colour in enumerate(colours):
        inset = 0.012 + 0.05 * i
        kind: dict[str, Any] = {"transform": axes.transAxes, "color": colour, "linewidth": 2}
        low, high = inset, 1 - inset
        axes.plot([low, high, high, low, low], [low, low, high, high, low], **kind)
