"""What scattering networks recorded of their wavelets while they were trained, seed by seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from numpy.typing import NDArray

from isotrope.results.cells import Panel
from isotrope.results.series import Tables, origin
from isotrope.results.style import add_foot

WAVELETS = ("theta", "xi", "sigma", "slant")
SYMBOLS = {
    "theta": "Angle θ (radians)",
    "xi": "Frequency ξ (radians a pixel)",
    "sigma": "Width \N{GREEK SMALL LETTER SIGMA} (pixels)",
    "slant": "Slant",
}
NONE = "no network here recorded its wavelets at two epochs or more (training.monitor)"
GRADIENT, LAYER = "gradient/", "scattering."  # begin the names of gradients, and of parameters
STILL = 1e-9  # parameters that never move by more are fixed


@dataclass(frozen=True, eq=False)
class Recorded:
    """What one seed recorded.

    Args:
        run: its row of ``runs``.
        panel: where its series is drawn.
        arrays: by name, each with a first axis of the epochs that ``epoch`` lists.
    """

    run: Mapping[str, Any]
    panel: Panel
    arrays: Mapping[str, NDArray[Any]]

    @property
    def name(self) -> str:
        """Its series."""
        return str(self.run["name"])

    @property
    def epochs(self) -> NDArray[Any]:
        """The epochs after which something was recorded; 0 is before the first."""
        return self.arrays["epoch"]

    @property
    def learned(self) -> bool:
        """Whether the wavelets moved."""
        return any(float(np.ptp(self.arrays[one], axis=0).max()) > STILL for one in WAVELETS)

    def wavelets(self, place: int) -> list[NDArray[np.float64]]:
        """The parameters at a place in ``epochs``, in the order of ``WAVELETS``, each (J, L)."""
        return [self.arrays[name][place].astype(np.float64) for name in WAVELETS]


def recorded(tables: Tables, needed: tuple[str, ...] = WAVELETS) -> list[Recorded]:
    """Every seed that recorded these arrays, in the order of panels and series.

    Seeds that diverged are left out, and such as recorded once: nothing can be seen to move.
    """
    by_seed: dict[str, dict[str, NDArray[Any]]] = {}
    for name, array in tables.arrays["recordings"].items():
        seed, end = _seed_and_name(name)
        if end in ("epoch", *needed):
            by_seed.setdefault(seed, {})[end] = array
    cells, found = tables.cells, []
    runs = tables.runs[tables.runs["status"].ne("diverged")]
    for panel in cells.panels(runs):
        of_panel = cells.rows_in(runs, [panel])
        for name in cells.names(of_panel):
            for run in cells.series_in(of_panel, panel, name).to_dict("records"):
                arrays = by_seed.get(f"{run['run']}/{run['point']}/{run['seed']}", {})
                if set(needed) < set(arrays) and len(arrays["epoch"]) > 1:
                    found.append(Recorded({str(k): v for k, v in run.items()}, panel, arrays))
    return found


def _seed_and_name(name: str) -> tuple[str, str]:
    """Whose recording it is, and what; a gradient is named by its layer, whatever holds that."""
    seed, gradient, parameter = name.partition(f"/{GRADIENT}")
    if not gradient:
        seed, _, parameter = name.rpartition("/")
        return seed, parameter
    return seed, GRADIENT + LAYER + parameter.rpartition(LAYER)[2]


def shown_seed(tables: Tables, needed: tuple[str, ...] = WAVELETS) -> Recorded | None:
    """The seed whose wavelets are shown: the one with the most recordings.

    Of equals it is one whose wavelets moved, and of these the first.
    """
    found = recorded(tables, needed)
    return max(found, key=lambda one: (len(one.epochs), one.learned), default=None)


def title(tables: Tables, one: Recorded) -> str:
    """A seed in words."""
    return f"{one.name}, {tables.cells.title(one.panel)}, seed {one.run['seed']}"


def add_words(
    figure: Figure, tables: Tables, one: Recorded, handles: Sequence[Artist] = ()
) -> None:
    """Say below a figure which seed it shows, and where its images come from."""
    row = tables.runs[
        tables.runs["run"].eq(one.run["run"])
        & tables.runs["point"].eq(one.run["point"])
        & tables.runs["seed"].eq(one.run["seed"])
    ]
    words = [f"{title(tables, one)}.", *origin(row, row.iloc[:0], tables)]
    add_foot(figure, handles, words)


def facts(tables: Tables, one: Recorded) -> dict[str, Any]:
    """The columns that tell a seed in the numbers of a figure."""
    return {column: one.run[column] for column in (*tables.panel, "name", "model", "seed")}


def no_rows(tables: Tables, *columns: str) -> pandas.DataFrame:
    """The numbers of a figure that has nothing to show."""
    return pandas.DataFrame(columns=[*tables.panel, "name", "model", "seed", *columns])
