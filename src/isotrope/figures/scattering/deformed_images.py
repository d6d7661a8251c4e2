"""An image, and what each deformation makes of it at its largest size.

It holds pixels of the data set.
"""

from typing import Any

import numpy as np
import pandas
from matplotlib.figure import Figure
from numpy.typing import NDArray

from isotrope.results.series import Tables
from isotrope.results.style import DOUBLE, SMALL, add_foot, blank, look, new_figure

TITLE = "Deformed images"
TABLES = ("runs", "deformation")
ARRAYS = ("deformation",)
COLUMNS = {"runs": {}, "deformation": {"deformation": "text", "size": "number"}}
CAPTION = (
    "A test image as it is, and each deformation of it at the largest size at which distances were "
    "measured. The pictures belong to the authors of the data sets."
)

ACROSS = 7
NONE = "no image was deformed here"


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, and ``deformation`` with its arrays.

    Returns:
        The figure, and a row for each data set and deformation with its largest size.
    """
    stored = tables.arrays["deformation"]
    found: dict[str, tuple[str, NDArray[Any], NDArray[Any], list[str]]] = {}
    for run in tables.runs.to_dict("records"):
        key = f"{run['run']}/{run['point']}/"
        if f"{key}original" in stored:
            names = [str(name) for name in stored[f"{key}deformations"]]
            arrays = stored[f"{key}original"], stored[f"{key}deformed"]
            found.setdefault(str(run["place"]), (str(run["run"]), *arrays, names))
    columns = ["place", "source", "deformation", "size"]
    if not found:
        return blank(NONE), pandas.DataFrame(columns=columns)
    down = {place: -(-(1 + len(names)) // ACROSS) for place, (*_, names) in found.items()}
    figure = new_figure(DOUBLE, sum(down.values()) * 1.2 + 0.15 * len(found))
    grid = figure.subplots(sum(down.values()), ACROSS, squeeze=False)
    sources = dict(zip(tables.runs["place"], tables.runs["source"], strict=True))
    sizes = tables["deformation"].groupby(["run", "deformation"])["size"].max()
    rows, line = [], 0
    for place, (run_name, original, deformed, names) in found.items():
        block = grid[line : line + down[place]].ravel()
        line += down[place]
        pictures = [original, *deformed]
        for axes in block:
            axes.set(xticks=[], yticks=[])
            axes.set_axis_off()
        for axes, picture, name in zip(block, pictures, [place, *names], strict=False):
            shown = np.moveaxis(picture, 0, -1)
            shown = shown[..., 0] if shown.shape[-1] == 1 else shown
            axes.imshow(shown, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axes.set_title(name.replace("_", " "), size=SMALL)
        rows += [[place, sources[place], name, float(sizes[run_name, name])] for name in names]
    said = [f"{place} ({sources[place]})" if sources[place] else place for place in found]
    add_foot(figure, [], [f"Images: {', '.join(said)}."])
    return figure, pandas.DataFrame(rows, columns=columns)
