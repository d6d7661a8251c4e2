"""How well the filters cover the Fourier plane while they are learned.

The sum of the squared spectra of all filters, drawn anew from what was recorded of them.
"""

from collections.abc import Iterator

import pandas

from isotrope.figures.scattering._morlet import littlewood_paley
from isotrope.figures.scattering._moving import coloured, held, places_of, spectra_at, with_words
from isotrope.figures.scattering._recorded import NONE, facts, no_rows, shown_seed
from isotrope.results.animation import Frame
from isotrope.results.series import Tables
from isotrope.results.style import blank, look

TITLE = "Littlewood-Paley sum while filters are learned"
TABLES = ("runs",)
ARRAYS = ("recordings",)
COLUMNS = {"runs": {"training.epochs": "number"}}
CAPTION = (
    "The sum of the squared spectra of all filters, without the low-pass filter, a frame for each "
    "recording (500 at most); the constant is in the middle. Dark is 0, bright the largest value "
    "of all frames. The seed with the most recordings."
)
ANIMATION = True
RATE = 30  # frames a second


def animate(tables: Tables) -> tuple[Iterator[Frame], pandas.DataFrame]:
    """A frame for each recording of a seed.

    Args:
        tables: ``runs``, and the arrays ``recordings``.

    Returns:
        The frames, and a row for each: its epoch, and the least, mean and largest sum.
    """
    columns = ("epoch", "smallest", "mean", "largest")
    seed = shown_seed(tables)
    if seed is None:
        return iter([look(blank)(NONE)]), no_rows(tables, *columns)
    places = places_of(seed)
    sums = {place: littlewood_paley(spectra_at(seed, place)) for place in places}
    rows = [[int(seed.epochs[p]), one.min(), one.mean(), one.max()] for p, one in sums.items()]
    data = pandas.DataFrame(rows, columns=list(columns)).assign(**facts(tables, seed))
    top = max(float(one.max()) for one in sums.values())

    def frames() -> Iterator[Frame]:
        for place in places:
            words = f"Epoch {seed.epochs[place]}, largest {sums[place].max():.2f}"
            yield with_words(coloured(sums[place] / top, "viridis"), words)

    return held(frames(), len(places)), data[[*facts(tables, seed), *columns]]
